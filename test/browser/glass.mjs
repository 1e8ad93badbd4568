// Measures from glass to glass: one page draws the time as a row of black and white blocks and publishes it by WHIP, another one
// watches a rendition by WHEP and reads the time off the picture. Both have one clock, the machine's. Writes one JSON object:
// {"ages": [ms, …], "unread": …, "width": …, "joins": [ms, …]}: an age is from the drawing until the picture is on the screen, as
// far as the browser tells; unread is how many pictures had no legible time. A join is from the offer of a viewer who comes late
// until a picture is on the screen that is at most 150 ms old.
//
//   node glass.mjs BASE-URL STREAM RENDITION WIDTH SETTLE-SECONDS SECONDS JOINS
import assert from 'node:assert/strict'

import { launch, until } from './browser.mjs'

const [base, stream, rendition, width, settle, seconds, joins] = process.argv.slice(2)
assert.ok(joins, 'usage: node glass.mjs BASE-URL STREAM RENDITION WIDTH SETTLE-SECONDS SECONDS JOINS')

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
  const seen = await viewer.evaluate(() => window.end())
  await viewer.close()
  const latecomer = await open()
  seen.joins = await latecomer.evaluate(join, { url: `/whep/${stream}?rendition=${rendition}`, times: Number(joins) })
  console.log(JSON.stringify(seen))
} finally {
  await browser.close()
}

async function open() {
  const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
  const page = await context.newPage()
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  // What the pages know: how a time is written and read, how SDP is exchanged, and how a stream is watched.
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
    // Plays a stream, and tells each picture's age, undefined where its time is not legible, and when it is on the screen.
    window.play = async (video, url, tell) => {
      const pc = new RTCPeerConnection()
      pc.addTransceiver('video', { direction: 'recvonly' })
      pc.ontrack = ({ track }) => (video.srcObject = new MediaStream([track]))
      const blocks = window.bits + 8
      const canvas = new OffscreenCanvas(blocks * 4, 4)
      const strip = canvas.getContext('2d', { willReadFrequently: true, alpha: false })
      const onFrame = (now, { expectedDisplayTime }) => {
        video.requestVideoFrameCallback(onFrame)
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
        const legible = number(window.bits, 8) === window.check(drawn)
        tell(legible ? (shown - drawn) % 2 ** window.bits : undefined, shown)
      }
      video.requestVideoFrameCallback(onFrame)
      await window.exchange(pc, url)
      return pc
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
  let ages, unread
  window.begin = () => {
    ages = []
    unread = 0
  }
  window.end = () => ({ ages, unread, width: video.videoWidth })
  await window.play(video, url, (age) => (age === undefined ? unread++ : ages?.push(age)))
}

/** Runs in the page: comes, sees, and goes, again and again. */
async function join({ url, times }) {
  const near = 150 // milliseconds
  const took = []
  for (let i = 0; i < times; i++) {
    document.body.innerHTML = '<video autoplay muted playsinline style="width: 100%"></video>'
    const began = performance.timeOrigin + performance.now()
    let done
    const joined = new Promise((resolve) => (done = resolve))
    const late = setTimeout(() => done(5000), 5000)
    const pc = await window.play(document.querySelector('video'), url, (age, shown) => age <= near && done(shown - began))
    took.push(await joined)
    clearTimeout(late)
    pc.close()
    await new Promise((resolve) => setTimeout(resolve, 130 + 100 * Math.random())) // at any moment between two key pictures
  }
  return took
}
