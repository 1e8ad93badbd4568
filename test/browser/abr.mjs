// Watches a live stream by WebRTC behind a relay, with a player that knows nothing but WHEP, and writes one JSON object a line
// on what it sees: {"at": …, "frames": [[when, width], …], "stats": {…}}. Times are milliseconds since 1970. It ends with its input.
//
//   node abr.mjs BASE-URL STREAM-ID RELAY-PORT
import assert from 'node:assert/strict'

import { launch } from './browser.mjs'

const [base, id, port] = process.argv.slice(2)
assert.ok(port, 'usage: node abr.mjs BASE-URL STREAM-ID RELAY-PORT')

const browser = await launch()
try {
  const page = await browser.newPage({ viewport: { width: 640, height: 360 } })
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  await page.exposeFunction('tell', (line) => console.log(JSON.stringify(line)))
  await page.goto(`${base}/api/v1/status`)
  await page.evaluate(play, { url: `/whep/${encodeURIComponent(id)}`, port })
  await new Promise((resolve) => process.stdin.on('end', resolve).resume())
} finally {
  await browser.close()
}

/** Runs in the page. */
async function play({ url, port }) {
  document.body.innerHTML = '<video autoplay muted playsinline style="width: 100%"></video>'
  const video = document.querySelector('video')
  const pc = new RTCPeerConnection()
  for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' })
  const stream = new MediaStream()
  pc.ontrack = ({ track }) => {
    stream.addTrack(track)
    video.srcObject = stream
  }
  let frames = []
  const errors = []
  video.onerror = () => errors.push(video.error.message)
  const onFrame = (_, metadata) => {
    frames.push([performance.timeOrigin + metadata.presentationTime, metadata.width])
    video.requestVideoFrameCallback(onFrame)
  }
  video.requestVideoFrameCallback(onFrame)

  await pc.setLocalDescription()
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`${response.status}: ${answer}`)
  // The relay takes the place of the server's one candidate by UDP on this address.
  const sdp = answer.replaceAll(/^a=candidate:.*\r\n/gm, (line) =>
    / udp .* 127\.0\.0\.1 \d+ typ host/i.test(line) ? line.replace(/ 127\.0\.0\.1 \d+ /, ` 127.0.0.1 ${port} `) : '')
  await pc.setRemoteDescription({ type: 'answer', sdp })

  setInterval(async () => {
    const all = [...(await pc.getStats()).values()]
    const s = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video') ?? {}
    const { framesDecoded, framesReceived, framesDropped, freezeCount, totalFreezesDuration, packetsLost, pliCount, nackCount, keyFramesDecoded, frameWidth, bytesReceived } = s
    window.tell({
      at: Date.now(), frames, errors,
      stats: { framesDecoded, framesReceived, framesDropped, freezeCount, totalFreezesDuration, packetsLost, pliCount, nackCount, keyFramesDecoded, frameWidth, bytesReceived },
    })
    frames = []
  }, 200)
}
