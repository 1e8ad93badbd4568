// A small WHEP client: one peer connection that receives one rendition at a time.

/** Why a WHEP session could not be had, in the server's words where it gave some. */
export class WhepError extends Error {}

const captureTime = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time'

/** The resource that chooses a rendition (draft-murillo-whep-03, layer selection). */
const layerExtension = 'urn:ietf:params:whep:ext:core:layer'

/** RTP's clock times begin in 1900. */
const secondsTo1970 = 2_208_988_800

/** How long the server may take to answer an offer: it waits up to 5 s for a rendition's first picture. */
const answerTimeout = 7_000

export class WhepSession {
  readonly pc = new RTCPeerConnection()
  /** The rendition that the server chose, where it says so. */
  rendition = ''
  private resource: string | undefined
  private layer: string | undefined
  private closed = false
  private readonly abort = new AbortController()

  /** Called with each track when its first packets have come. */
  onTrack: (track: MediaStreamTrack) => void = () => {}
  /** Called once when the connection is lost for good. */
  onLost: () => void = () => {}

  /** Connects to a WHEP endpoint. It rejects with a WhepError. */
  async connect(url: string): Promise<void> {
    const { pc } = this
    const video = pc.addTransceiver('video', { direction: 'recvonly' })
    pc.addTransceiver('audio', { direction: 'recvonly' })
    askForCaptureTime(video)
    pc.ontrack = ({ track }) => {
      if (!track.muted) this.onTrack(track)
      else track.addEventListener('unmute', () => this.closed || this.onTrack(track), { once: true })
    }
    pc.onconnectionstatechange = () => {
      if (!this.closed && pc.connectionState === 'failed') this.onLost()
    }
    // The offer goes out at once: the server answers with its own addresses, and learns ours from our packets.
    const offer = await pc.createOffer()
    await pc.setLocalDescription(offer)
    const timer = window.setTimeout(() => this.abort.abort(), answerTimeout)
    try {
      await this.exchange(url, offer.sdp ?? '')
    } finally {
      window.clearTimeout(timer)
    }
  }

  private async exchange(url: string, sdp: string): Promise<void> {
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: sdp,
        signal: this.abort.signal,
      })
    } catch {
      throw new WhepError(this.closed ? 'closed' : 'the server did not answer')
    }
    if (!response.ok) throw new WhepError(await refusal(response))
    this.rendition = response.headers.get('Castnet-Rendition') ?? ''
    const location = response.headers.get('Location')
    if (location) this.resource = new URL(location, response.url).href
    const layer = linked(response.headers.get('Link') ?? '', layerExtension)
    if (layer) this.layer = new URL(layer, response.url).href
    const answer = await response.text()
    if (this.closed) {
      this.release()
      throw new WhepError('closed')
    }
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer })
  }

  /**
   * Asks for another rendition, or leaves it to the server for 'auto'. The picture changes at the next key picture, without a
   * gap. It is false where the session cannot show it.
   */
  async choose(name: string): Promise<boolean> {
    if (!this.layer) return false
    const choice = name === 'auto' ? {} : { encodingId: name }
    const response = await fetch(this.layer, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(choice),
    }).catch(() => undefined)
    return response?.ok ?? false
  }

  /** When the newest picture was taken, by the server's clock in milliseconds; null where the packets don't say. */
  captured(): number | null {
    const video = this.pc.getReceivers().find((r) => r.track.kind === 'video')
    const source = video?.getSynchronizationSources()[0] as { captureTimestamp?: number } | undefined
    return source?.captureTimestamp === undefined ? null : source.captureTimestamp - secondsTo1970 * 1000
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.abort.abort()
    this.pc.close()
    this.release()
  }

  /** Tells the server that nobody watches any more, also while the page goes away. */
  private release(): void {
    if (!this.resource) return
    fetch(this.resource, { method: 'DELETE', keepalive: true }).catch(() => {})
    this.resource = undefined
  }
}

/** The target of a relation in a Link header. */
function linked(header: string, relation: string): string | undefined {
  for (const [, target, rest] of header.matchAll(/<([^>]*)>([^<]*)/g)) if (rest?.includes(`rel="${relation}"`)) return target
  return undefined
}

/** Offers the RTP extension that carries when a picture was taken, where the browser can be asked to. */
function askForCaptureTime(transceiver: RTCRtpTransceiver): void {
  interface Negotiable {
    getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[]
    setHeaderExtensionsToNegotiate?(list: { uri: string; direction: string }[]): void
  }
  const t = transceiver as RTCRtpTransceiver & Negotiable
  const list = t.getHeaderExtensionsToNegotiate?.()
  if (!list) return
  for (const extension of list) if (extension.uri === captureTime) extension.direction = 'sendrecv'
  t.setHeaderExtensionsToNegotiate?.(list)
}

/** What the server says where it does not take an offer. */
export async function refusal(response: Response): Promise<string> {
  const text = (await response.text()).trim()
  try {
    const problem = JSON.parse(text) as { error?: string }
    if (problem.error) return problem.error
  } catch {
    // It is plain text.
  }
  return text.slice(0, 200) || `the server answered ${response.status}`
}
