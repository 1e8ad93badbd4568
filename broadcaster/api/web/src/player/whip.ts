// Publishing from this browser: its camera or its screen goes out by WHIP (RFC 9725).
import { refusal } from './whep'

export type Source = 'camera' | 'screen'

/** Codecs that the server takes, the one that every player can play first. */
const codecsTaken = ['H264', 'VP9', 'AV1', 'VP8'] as const

/** What a person asked for. */
export interface Order {
  source: Source
  /** One of codecs(). */
  codec: string
  /** Where the server takes offers; the key is the bearer token. */
  url: string
  key: string
}

/** What this browser publishes now. */
export interface Publishing {
  phase: 'idle' | 'asking' | 'connecting' | 'live'
  /** Why it could not begin, or why it ended though nobody stopped it; else empty. */
  problem: string
  /** It was live before the problem. */
  lost: boolean
  codec: string
  width: number
  height: number
  fps: number
  /** Bits a second. */
  bitrate: number
}

const idle: Publishing = { phase: 'idle', problem: '', lost: false, codec: '', width: 0, height: 0, fps: 0, bitrate: 0 }

/** How often figures are read, and how long the server may take to answer and to connect. */
const lookEvery = 1_000
const connectTimeout = 10_000

/** The codecs that this browser can send and the server takes. */
export function codecs(): string[] {
  const can = RTCRtpSender.getCapabilities('video')?.codecs ?? []
  return codecsTaken.filter((name) => can.some((c) => c.mimeType.toLowerCase() === `video/${name.toLowerCase()}`))
}

/** A browser publishes one stream at a time: this is the one of this page. */
export class Publisher {
  now: Publishing = idle
  /** Called when `now` has changed. */
  readonly watchers = new Set<() => void>()
  private pc: RTCPeerConnection | undefined
  private media: MediaStream | undefined
  private resource: string | undefined
  private timer: number | undefined
  private before = { bytes: 0, at: 0 }
  private turn = 0 // grows whenever what runs is given up

  constructor() {
    // Whoever leaves the page ends the stream: it is asked for, and the server is told.
    window.addEventListener('beforeunload', (e) => this.now.phase === 'live' && e.preventDefault())
    window.addEventListener('pagehide', () => this.stop())
  }

  /** Asks for the camera or the screen, and publishes it until stop(). */
  async start(order: Order): Promise<void> {
    this.stop()
    const turn = this.turn
    this.change({ ...idle, phase: 'asking', codec: order.codec })
    try {
      const media = await capture(order.source)
      if (turn !== this.turn) return release(media)
      this.media = media
      this.change({ ...this.now, phase: 'connecting' })
      await this.connect(order, media, turn)
    } catch (e) {
      if (turn === this.turn) this.end(e instanceof Error ? e.message : String(e))
    }
  }

  /** Ends the stream, as its publisher wishes. */
  stop(): void {
    this.end('')
  }

  private async connect(order: Order, media: MediaStream, turn: number): Promise<void> {
    const pc = new RTCPeerConnection()
    this.pc = pc
    for (const track of media.getTracks()) {
      // A shared screen can be stopped by the browser's own button, a camera by pulling its plug.
      track.addEventListener('ended', () => turn === this.turn && this.stop())
      const sender = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] })
      if (track.kind === 'video') prefer(sender, order.codec)
    }
    pc.onconnectionstatechange = () => {
      if (turn !== this.turn) return
      if (pc.connectionState === 'connected') this.connected()
      if (pc.connectionState === 'failed') this.end('The server is not reached any more: look at your network, then start again.')
      if (pc.connectionState === 'closed') this.end('The server ended the connection.')
    }
    await pc.setLocalDescription(await pc.createOffer())
    await Promise.all(pc.getSenders().filter((s) => s.track?.kind === 'video').map(keepSize))
    this.timer = window.setTimeout(
      () => turn === this.turn && this.end('The server was not reached by WebRTC: a firewall may be in the way.'),
      connectTimeout,
    )
    // The key goes along as a token, not in the address: addresses are written into logs.
    const response = await fetch(order.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${order.key}` },
      body: pc.localDescription?.sdp ?? '',
    }).catch(() => {
      throw new Error('The server does not answer.')
    })
    if (!response.ok) throw new Error(`Not taken (${response.status}): ${await refusal(response)}.`)
    const location = response.headers.get('Location')
    const resource = location ? new URL(location, response.url).href : undefined
    const sdp = await response.text()
    if (turn !== this.turn) return farewell(undefined, resource)
    this.resource = resource
    await pc.setRemoteDescription({ type: 'answer', sdp })
  }

  private connected(): void {
    if (this.now.phase === 'live') return
    window.clearTimeout(this.timer)
    this.before = { bytes: 0, at: performance.now() }
    this.timer = window.setInterval(() => void this.look(), lookEvery)
    this.change({ ...this.now, phase: 'live' })
  }

  private async look(): Promise<void> {
    const turn = this.turn
    const stats = await this.pc?.getStats()
    if (turn !== this.turn || !stats) return
    for (const s of stats.values()) {
      if (s.type !== 'outbound-rtp' || s.kind !== 'video') continue
      const codec = (stats.get(s.codecId)?.mimeType as string | undefined)?.replace('video/', '')
      const at = performance.now()
      const bitrate = ((s.bytesSent - this.before.bytes) * 8_000) / (at - this.before.at)
      this.before = { bytes: s.bytesSent, at }
      this.change({
        ...this.now, bitrate, codec: codec ?? this.now.codec, fps: s.framesPerSecond ?? 0, width: s.frameWidth ?? 0, height: s.frameHeight ?? 0,
      })
    }
  }

  private end(problem: string): void {
    const lost = this.now.phase === 'live'
    this.turn++
    window.clearTimeout(this.timer)
    window.clearInterval(this.timer)
    farewell(this.pc, this.resource)
    if (this.media) release(this.media)
    this.pc = this.media = this.resource = undefined
    this.change({ ...idle, problem, lost: lost && problem !== '' })
  }

  private change(now: Publishing): void {
    this.now = now
    for (const tell of this.watchers) tell()
  }
}

function release(media: MediaStream): void {
  for (const track of media.getTracks()) track.stop()
}

/** Tells the server that the stream is over, also while the page goes away; then hangs up. */
function farewell(pc: RTCPeerConnection | undefined, resource: string | undefined): void {
  if (!resource) return pc?.close()
  fetch(resource, { method: 'DELETE', keepalive: true })
    .catch(() => {})
    .finally(() => pc?.close())
}

/**
 * Keeps the picture's size where the encoder is short of time or bits, and lets the rate of pictures fall instead: the ladder
 * is cut to the size of the first picture, and a browser left alone begins with a small one.
 */
async function keepSize(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters()
  parameters.degradationPreference = 'maintain-resolution'
  await sender.setParameters(parameters)
}

/** Puts a codec first; the others stay, in case the server wants one of them. */
function prefer(transceiver: RTCRtpTransceiver, codec: string): void {
  const all = RTCRtpSender.getCapabilities('video')?.codecs ?? []
  const wanted = (c: { mimeType: string }) => c.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`
  transceiver.setCodecPreferences([...all.filter(wanted), ...all.filter((c) => !wanted(c))])
}

/** 720p is what a browser can code in time on most machines. */
const picture = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }

async function capture(source: Source): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new Error('Browsers give camera and screen only to pages that come by HTTPS or from this machine: open this page as https://… or http://localhost.')
  }
  try {
    if (source === 'screen') return await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true })
    return await camera()
  } catch (e) {
    const name = e instanceof DOMException ? e.name : ''
    if (name === 'NotAllowedError') throw new Error(`The browser was not allowed to take the ${source}: allow it beside the address of the page, then start again.`)
    if (name === 'NotFoundError') throw new Error('No camera was found: plug one in, or publish the screen.')
    if (name === 'NotReadableError') throw new Error(`The ${source} cannot be read: another program may be using it.`)
    throw e
  }
}

/** The camera with a microphone, or without where there is none. */
async function camera(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: picture, audio: true })
  } catch (e) {
    if (!(e instanceof DOMException) || e.name !== 'NotFoundError') throw e
    return navigator.mediaDevices.getUserMedia({ video: picture })
  }
}
