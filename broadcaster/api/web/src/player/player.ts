// The player: WebRTC first, because it is a fraction of a second late; HLS where WebRTC does not come through.
import type { Rendition } from '../views'
import { HlsSession } from './hls'
import { WhepSession } from './whep'

export type Transport = 'webrtc' | 'hls'

/** What a person asked for. */
export interface Wish {
  /** 'auto' tries WebRTC and falls back. */
  transport: 'auto' | Transport
  /** A rendition's name, or 'auto'. */
  quality: string
}

/** What the player does now. */
export interface Playing {
  phase: 'idle' | 'connecting' | 'playing' | 'waiting'
  transport: Transport
  /** In words, what a person should know: why it fell back, why a quality cannot be had. */
  note: string
  /** Qualities that can be chosen now; 'auto' is always one. */
  qualities: string[]
  /** The rendition that plays, where that is known; else empty. */
  quality: string
  /** Seconds from camera to this screen; null where nothing tells. */
  latency: number | null
  width: number
  height: number
}

/** How long WebRTC may take to the first picture before HLS stands in, and until anything is tried again. */
const firstPicture = 4_000
const retry = 2_000
/** No new picture for this long: the picture stands still. */
const stall = 1_500
/** And for this long: what brings it is given up and made anew. */
const stuck = 6_000
/** How often figures are handed on. */
const report = 250

const idle: Playing = {
  phase: 'idle', transport: 'webrtc', note: '', qualities: [], quality: '', latency: null, width: 0, height: 0,
}

export class Player {
  private playing: Playing = idle
  private wish: Wish = { transport: 'auto', quality: 'auto' }
  private renditions: Rendition[] = []
  private id = ''
  private whep: WhepSession | undefined // the one that shows
  private joining: WhepSession | undefined // the one that will, once its first packets have come
  private hls: HlsSession | undefined
  private readonly tracks = new MediaStream()
  private deadline: number | undefined
  private lastFrame = 0 // by performance.now()
  private lastLatency: number | null = null
  private readonly timer: number
  private frameCallback = 0
  private ended = false
  /** Server's clock minus this machine's, in milliseconds. */
  clockOffset = 0

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly onChange: (p: Playing) => void,
  ) {
    this.timer = window.setInterval(() => this.look(), report)
    this.watchFrames()
  }

  /** Plays a stream as wished, or changes what is played. Equal arguments change nothing. */
  play(id: string, renditions: Rendition[], wish: Wish): void {
    const same = id === this.id && this.playing.phase !== 'idle'
    const before = this.wish
    // Where HLS only stands in, a rendition that WebRTC can play is worth another try.
    const better = wish.transport === 'auto' && this.hls && webrtcNames(renditions) !== webrtcNames(this.renditions)
    this.renditions = renditions
    this.id = id
    this.wish = wish
    if (!same || better || wish.transport !== before.transport) {
      this.start()
    } else if (wish.quality !== before.quality) {
      if (this.hls) this.hls.choose(wish.quality, renditions)
      else void this.chooseWebRTC()
    } else {
      this.listQualities()
    }
  }

  /** Stops playing; the last picture stays. */
  stop(): void {
    this.closeSessions()
    this.id = ''
    this.update(idle)
  }

  /** Ends the player for good. */
  close(): void {
    this.ended = true
    this.closeSessions()
    window.clearInterval(this.timer)
    this.video.cancelVideoFrameCallback?.(this.frameCallback)
    this.video.srcObject = null
  }

  private start(): void {
    this.closeSessions()
    this.lastFrame = 0
    const source = this.renditions.find((r) => r.name === 'source')
    if (this.wish.transport === 'hls') this.startHls('')
    else if (this.wish.transport === 'auto' && webrtcNames(this.renditions) === '') {
      this.startHls(`This is HLS until the ladder is there${source?.whyNot ? `: ${source.whyNot}` : ''}.`)
    } else {
      this.video.removeAttribute('src')
      this.video.srcObject = this.tracks
      this.update({ phase: 'connecting', transport: 'webrtc', note: '', latency: null })
      this.listQualities()
      void this.joinWebRTC()
    }
  }

  /** Changes the quality within the session that shows, or by another one where that cannot. */
  private async chooseWebRTC(): Promise<void> {
    const { whep: session } = this
    const { quality } = this.wish
    if (this.joining || !session) return this.joinWebRTC()
    const can = await session.choose(quality)
    if (!can && session === this.whep && quality === this.wish.quality) await this.joinWebRTC()
  }

  /** Opens a WebRTC session beside the one that shows, and changes over when its packets come. */
  private async joinWebRTC(): Promise<void> {
    this.joining?.close()
    const session = new WhepSession()
    this.joining = session
    const current = () => session === this.joining || session === this.whep
    session.onTrack = (track) => {
      // Sound follows its picture: alone it changes over only when its session shows already.
      if (track.kind === 'video' ? current() : session === this.whep) this.take(session, track)
    }
    session.onLost = () => {
      if (current()) this.webrtcFailed('the connection broke')
    }
    window.clearTimeout(this.deadline)
    const quality = this.wish.quality
    const query = quality === 'auto' ? '' : `?rendition=${encodeURIComponent(quality)}`
    try {
      await session.connect(`/whep/${encodeURIComponent(this.id)}${query}`)
      if (session === this.joining) this.armDeadline(() => this.webrtcFailed('no picture came in 4 s'), firstPicture)
    } catch (e) {
      if (session === this.joining) this.webrtcFailed(e instanceof Error ? e.message : String(e))
    }
  }

  /** Puts a track in the place of the one of its kind, so that the picture goes on without a gap. */
  private take(session: WhepSession, track: MediaStreamTrack): void {
    for (const old of this.tracks.getTracks()) if (old.kind === track.kind) this.tracks.removeTrack(old)
    this.tracks.addTrack(track)
    if (track.kind !== 'video') return
    if (session === this.joining) {
      const before = this.whep
      this.whep = session
      this.joining = undefined
      this.update({ note: '', quality: session.rendition })
      for (const { track: other } of session.pc.getReceivers()) {
        if (other.kind === 'audio' && !other.muted) this.take(session, other)
      }
      before?.close()
    }
    void this.video.play().catch(() => {}) // browsers refuse sound without a click; the page has a button for it
  }

  private webrtcFailed(why: string): void {
    window.clearTimeout(this.deadline)
    if (this.joining && this.whep) {
      // The change of quality failed, what shows goes on.
      this.joining.close()
      this.joining = undefined
      this.update({ note: `${this.wish.quality} cannot be had by WebRTC: ${why}` })
      return
    }
    this.joining?.close()
    this.whep?.close()
    this.joining = this.whep = undefined
    if (this.wish.transport === 'auto') {
      this.startHls(`WebRTC did not work (${why}), so this is HLS, about a second later.`)
      return
    }
    this.update({ phase: 'waiting', note: `WebRTC did not work: ${why}. Trying again.`, latency: null })
    this.armDeadline(() => this.start(), retry)
  }

  private startHls(note: string): void {
    this.video.srcObject = null
    const session = new HlsSession()
    this.hls = session
    this.lastFrame = 0
    this.update({ phase: 'connecting', transport: 'hls', note, qualities: ['auto'], latency: null })
    session.onLevels = () => {
      session.choose(this.wish.quality, this.renditions)
      this.listQualities()
      void this.video.play().catch(() => {})
    }
    session.onLost = (why) => {
      if (session !== this.hls) return
      session.close()
      this.hls = undefined
      this.update({ phase: 'waiting', note: `HLS did not work: ${why}. Trying again.`, latency: null })
      this.armDeadline(() => this.start(), retry)
    }
    session.open(`/hls/${encodeURIComponent(this.id)}/index.m3u8`, this.video).catch(() => {
      session.onLost('the player could not be loaded')
    })
  }

  private closeSessions(): void {
    window.clearTimeout(this.deadline)
    this.joining?.close()
    this.whep?.close()
    this.hls?.close()
    this.joining = this.whep = this.hls = undefined
    for (const track of this.tracks.getTracks()) this.tracks.removeTrack(track)
    this.lastLatency = null
  }

  private armDeadline(then: () => void, after: number): void {
    window.clearTimeout(this.deadline)
    this.deadline = window.setTimeout(then, after)
  }

  private listQualities(): void {
    const names = this.hls
      ? this.hls.names(this.renditions)
      : this.renditions.filter((r) => r.whep).map((r) => r.name)
    const qualities = ['auto', ...names]
    if (qualities.join() !== this.playing.qualities.join()) this.update({ qualities })
  }

  /** Notes each picture that is shown, and what it tells of its age. */
  private watchFrames(): void {
    if (this.ended) return
    this.frameCallback = this.video.requestVideoFrameCallback((_, frame) => {
      if (!this.joining) window.clearTimeout(this.deadline)
      this.lastFrame = performance.now()
      if (this.whep) this.lastLatency = this.delay(this.whep, frame)
      this.watchFrames()
    })
  }

  /** How old a picture is when it is shown, in seconds: by its packets, else as the browser worked it out. */
  private delay(session: WhepSession, frame: VideoFrameCallbackMetadata): number | null {
    const taken = session.captured()
    if (taken !== null) return (Date.now() + this.clockOffset - taken) / 1000
    return frame.captureTime === undefined ? this.lastLatency : (frame.expectedDisplayTime - frame.captureTime) / 1000
  }

  /** Looks at the picture and hands on what has changed. */
  private look(): void {
    if (this.playing.phase === 'idle' || this.playing.phase === 'waiting') return
    const { videoWidth: width, videoHeight: height } = this.video
    const since = performance.now() - this.lastFrame
    if (this.lastFrame > 0 && since > stuck) {
      this.start()
      return
    }
    let phase: Playing['phase'] = 'connecting'
    if (this.lastFrame > 0) phase = since < stall ? 'playing' : 'connecting'
    const latency = this.hls ? this.hls.latency(Date.now() + this.clockOffset) : this.lastLatency
    const quality = this.hls ? this.hls.playing(this.renditions) : this.shown(width, height)
    this.update({ phase, width, height, quality, latency: phase === 'playing' ? plausible(latency) : null })
  }

  /** The rendition that WebRTC shows, by its size: the server may have changed it. */
  private shown(width: number, height: number): string {
    const fit = this.renditions.filter((r) => r.whep && r.width === width && r.height === height).map((r) => r.name)
    const { quality } = this.wish
    return (fit.includes(quality) ? quality : (fit.find((n) => n !== 'source') ?? fit[0])) ?? this.playing.quality
  }

  private update(change: Partial<Playing>): void {
    const next = { ...this.playing, ...change }
    const keys = Object.keys(next) as (keyof Playing)[]
    if (keys.every((k) => next[k] === this.playing[k])) return
    this.playing = next
    if (!this.ended) this.onChange(next)
  }
}

/** The renditions that WebRTC can play now. */
function webrtcNames(renditions: Rendition[]): string {
  return renditions
    .filter((r) => r.whep)
    .map((r) => r.name)
    .join()
}

/** Clocks that disagree give times that nobody should be shown. */
function plausible(seconds: number | null): number | null {
  return seconds !== null && seconds >= 0 && seconds < 60 ? seconds : null
}
