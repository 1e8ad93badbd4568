// Measures from glass to glass: one page draws the time as a row of black and white blocks and publishes it by WHIP, another one
// watches a rendition by WHEP and reads the time off the picture. Both have one clock, the machine's. Writes one JSON object:
// {"ages": [ms, …], "unread": …, "width": …}: an age is from the drawing until the picture is on the screen, as far as the browser
// tells; unread is how many pictures had no legible time.
//
//   node glass.mjs BASE-URL STREAM RENDITION WIDTH SETTLE-SECONDS SECONDS
import assert from 'node:assert/strict'

import { launch, until } from './browser.mjs'

const [base, stream, rendition, width, settle, seconds] = process.argv.slice(2)
assert.ok(seconds, 'usage: node glass.mjs BASE-URL STREAM RENDITION WIDTH SETTLE-SECONDS SECONDS')

const browser = await launch()
try {
  const publisher = await open()
  await publisher.evaluate(publish, { url: `/whip/${stream}`, width: Number(width), height: Number(width) * 9 / 16 })
  const ready = () => fetch(`${base}/api/v1/streams/${stream}`).then((r) => r.json(), () => undefined)
  await until(`${rendition} is made`, ready, (s) => s?.state === 'live' && s.renditions?.some((r) => r.name === rendition), 20_000)
  const viewer = await open()
  await viewer.evaluate(watch, { url: `/whep/${stream}?rendition=${rendition}` })
  await viewer.waitForTimeout(settle * 1000)
  await viewer.evaluate(() => window.begin())
  await viewer.waitForTimeout(seconds * 1000)
  console.log(JSON.stringify(await viewer.evaluate(() => window.end())))
} finally {
  await browser.close()
}

async function open() {
  const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
  const page = await context.newPage()
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  // What both pages know: how a time is written, and how SDP is exchanged.
  await page.addInitScript(() => {
    window.bits = 24 // milliseconds, for four hours; 8 bits of a check follow
    window.check = (ms) => (ms ^ (ms >> 8) ^ (ms >> 16) ^ 0x5a) & 0xff
    window.exchange = async (pc, url) => {
      await pc.setLocalDescription()
      const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
      const answer = await response.text()
      if (response.status !== 201) throw new Error(`${url}: ${response.status}: ${answer}`)
      await pc.setRemoteDescription({ type: 'answer', sdp: answer })
    }
  })
  await page.goto(`${base}/api/v1/status`)
  return page
}

/** Runs in the page: the clock, above something that moves. */
async function publish({ url, width, height }) {
  document.body.innerHTML = `<canvas width="${width}" height="${height}"></canvas>`
  const canvas = document.querySelector('canvas')
  const draw = canvas.getContext('2d', { alpha: false })
  const block = width / (window.bits + 8)
  setInterval(() => {
    const now = performance.timeOrigin + performance.now()
    const ms = Math.floor(now) % 2 ** window.bits
    const turn = now / 1000
    draw.fillStyle = '#20323a'
    draw.fillRect(0, 0, width, height)
    draw.fillStyle = '#c8b08a'
    draw.beginPath()
    draw.arc(width * (0.5 + 0.3 * Math.sin(turn)), height * (0.6 + 0.2 * Math.cos(turn)), height * 0.15, 0, 7)
    draw.fill()
    draw.font = `${height / 8}px sans-serif`
    draw.fillText(new Date(now).toISOString(), width / 20, height / 2)
    for (const [from, count, value] of [[0, window.bits, ms], [window.bits, 8, window.check(ms)]]) {
      for (let i = 0; i < count; i++) {
        draw.fillStyle = (value >> i) & 1 ? '#fff' : '#000'
        draw.fillRect((from + i) * block, 0, block, height / 9)
      }
    }
  }, 1000 / 30)
  const pc = new RTCPeerConnection()
  const transceiver = pc.addTransceiver(canvas.captureStream().getVideoTracks()[0], { direction: 'sendonly' })
  const codecs = RTCRtpSender.getCapabilities('video').codecs
  transceiver.setCodecPreferences(codecs.filter((c) => c.mimeType === 'video/H264'))
  await pc.setLocalDescription() // parameters can be set from now on
  const parameters = transceiver.sender.getParameters()
  parameters.degradationPreference = 'maintain-resolution'
  await transceiver.sender.setParameters(parameters)
  await window.exchange(pc, url)
}

/** Runs in the page: reads the clock off every picture that is shown. */
async function watch({ url }) {
  document.body.innerHTML = '<video autoplay muted playsinline style="width: 100%"></video>'
  const video = document.querySelector('video')
  const pc = new RTCPeerConnection()
  pc.addTransceiver('video', { direction: 'recvonly' })
  pc.ontrack = ({ track }) => (video.srcObject = new MediaStream([track]))
  const blocks = window.bits + 8
  const canvas = new OffscreenCanvas(blocks * 4, 4)
  const strip = canvas.getContext('2d', { willReadFrequently: true, alpha: false })
  let ages, unread
  const onFrame = (now, { expectedDisplayTime }) => {
    video.requestVideoFrameCallback(onFrame)
    if (!ages) return
    strip.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 9, 0, 0, canvas.width, canvas.height)
    const { data } = strip.getImageData(0, 2, canvas.width, 1)
    const number = (from, count) => {
      let value = 0
      for (let i = 0; i < count; i++) if (data[((from + i) * 4 + 2) * 4] > 127) value += 2 ** i
      return value
    }
    const drawn = number(0, window.bits)
    // What is read may be newer than what the callback is about: then it is on the screen after now.
    const shown = performance.timeOrigin + Math.max(expectedDisplayTime, now)
    if (number(window.bits, 8) === window.check(drawn)) ages.push((shown - drawn) % 2 ** window.bits)
    else unread++
  }
  video.requestVideoFrameCallback(onFrame)
  window.begin = () => {
    ages = []
    unread = 0
  }
  window.end = () => ({ ages, unread, width: video.videoWidth })
  await window.exchange(pc, url)
}
