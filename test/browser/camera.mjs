// A WHEP server inside the browser: the second tab answers offers with a canvas that moves. It lets the pages' player
// be tested against fixed facts without a broadcaster.

/** Answers every POST /whep/… of the page's context; sizes names the picture of each rendition. */
export async function serveCamera(context, base, sizes) {
  const tab = await context.newPage()
  await tab.goto(`${base}/mark.svg`)
  await tab.evaluate(() => {
    window.answer = async (sdp, [width, height]) => {
      const canvas = new OffscreenCanvas(width, height)
      const draw = canvas.getContext('2d')
      let t = 0
      setInterval(() => {
        t += 1 / 30
        draw.fillStyle = '#20323a'
        draw.fillRect(0, 0, width, height)
        draw.fillStyle = '#c8b08a'
        draw.fillRect(0, height * 0.7, width, height * 0.3)
        draw.fillStyle = '#e8e4da'
        draw.beginPath()
        draw.arc(width * (0.5 + 0.3 * Math.sin(t)), height * 0.45, height * 0.12, 0, 7)
        draw.fill()
      }, 33)
      const track = await trackOf(canvas)
      track.contentHint = 'text' // the browser must not make it smaller to save time
      const pc = new RTCPeerConnection()
      await pc.setRemoteDescription({ type: 'offer', sdp })
      pc.addTrack(track)
      for (const t of pc.getTransceivers()) {
        const list = t.getHeaderExtensionsToNegotiate()
        for (const e of list) if (e.uri.endsWith('abs-capture-time')) e.direction = 'sendrecv'
        t.setHeaderExtensionsToNegotiate(list)
      }
      await pc.setLocalDescription(await pc.createAnswer())
      if (pc.iceGatheringState !== 'complete') {
        await new Promise((done) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done()))
      }
      return pc.localDescription.sdp
    }
    // An OffscreenCanvas cannot be captured: a generator takes its pictures.
    async function trackOf(canvas) {
      const generator = new MediaStreamTrackGenerator({ kind: 'video' })
      const writer = generator.writable.getWriter()
      setInterval(() => {
        const frame = new VideoFrame(canvas, { timestamp: performance.now() * 1000 })
        writer.write(frame).catch(() => frame.close())
      }, 33)
      return generator
    }
  })
  const asked = []
  await context.route('**/whep/**', async (route) => {
    const request = route.request()
    if (request.method() !== 'POST') return route.fulfill({ status: 200 })
    const rendition = new URL(request.url()).searchParams.get('rendition') ?? 'auto'
    asked.push(rendition)
    if (!sizes[rendition]) return route.fulfill({ status: 404, body: `no rendition ${rendition}` })
    const body = await tab.evaluate(([sdp, size]) => window.answer(sdp, size), [request.postData(), sizes[rendition]])
    return route.fulfill({ status: 201, contentType: 'application/sdp', headers: { Location: '/whep/session/1', 'Castnet-Rendition': rendition === 'auto' ? '720p' : rendition }, body })
  })
  return { asked, close: () => context.unroute('**/whep/**').then(() => tab.close()) }
}
