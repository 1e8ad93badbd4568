// Publishes the film of package clap from Chromium, or watches it there.
//
//   node film.mjs publish BASE-URL /whip/KEY CODEC WIDTH HEIGHT FPS PICTURES
//   node film.mjs whep BASE-URL /whep/ID FILE READY
//   node film.mjs hls BASE-URL /hls/ID/index.m3u8 FILE READY
//
// A watcher begins when the page READY is there, and ends with the stream. It leaves what was shown and heard in FILE, as the
// browser's own recorder (WebM) has it.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { launch, until } from './browser.mjs'

const [mode, base, path, ...rest] = process.argv.slice(2)
const modes = { publish, whep: watch, hls: watch }
assert.ok(modes[mode] && rest.length > 0, 'usage: node film.mjs publish|whep|hls BASE-URL PATH …')

const browser = await launch()
try {
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } })
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  page.on('console', (m) => console.error(m.text()))
  await page.goto(`${base}/api/v1/status`)
  await modes[mode](page)
} finally {
  await browser.close()
}

async function publish(page) {
  const [codec, width, height, fps, pictures] = rest
  await page.evaluate(inPublisher, { url: path, codec, width: Number(width), height: Number(height), fps: Number(fps), pictures: Number(pictures) })
}

async function watch(page) {
  if (mode === 'hls') {
    const require = createRequire(new URL('../../broadcaster/api/web/package.json', import.meta.url))
    await page.addScriptTag({ content: readFileSync(require.resolve('hls.js/dist/hls.min.js'), 'utf8') })
  }
  await until(`${rest[1]} is there`, () => fetch(base + rest[1]).then((r) => r.status, () => 0), (status) => status === 200)
  const recorded = await page.evaluate(inWatcher, { mode, url: path })
  writeFileSync(rest[0], Buffer.from(recorded, 'base64'))
}

/** Runs in the page: see clap.go for what is drawn and heard. */
async function inPublisher({ url, codec, width, height, fps, pictures }) {
  const [columns, rows, bits] = [12, 9, 10]
  const grey = (luma) => Math.round(((luma - 16) * 255) / 219) // of limited range
  const [white, bar, dark, black] = [235, 110, 40, 16].map((l) => `rgb(${grey(l)} ${grey(l)} ${grey(l)})`)
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  document.body.replaceChildren(canvas)
  const draw = canvas.getContext('2d')
  const edge = (i, of, size) => Math.ceil((i * size) / of)
  const cell = (x, y, w, h, colour) => {
    draw.fillStyle = colour
    const [left, top] = [edge(x, columns, width), edge(y, rows, height)]
    draw.fillRect(left, top, edge(x + w, columns, width) - left, edge(y + h, rows, height) - top)
  }
  const flashes = (n) => n % fps >= fps / 2 && n % fps < fps / 2 + fps / 10
  const show = (n) => {
    cell(0, 2, columns, rows - 2, dark)
    cell(Math.floor(n / 2) % columns, 2, 1, rows - 2, bar)
    if (flashes(n)) cell(0, 4, columns, rows - 4, white)
    for (let c = 0; c < columns; c++) cell(c, 0, 1, 2, c === 0 || (c <= bits && (n >> (bits - c)) & 1) ? white : black)
  }
  show(0)

  const audio = new AudioContext({ sampleRate: 48_000 })
  const out = audio.createMediaStreamDestination()
  const level = new GainNode(audio, { gain: 0 })
  const tone = new OscillatorNode(audio, { frequency: 1000 })
  tone.connect(level).connect(out)
  tone.start()

  const pc = new RTCPeerConnection()
  const picture = canvas.captureStream(0).getVideoTracks()[0]
  picture.contentHint = 'detail'
  const sender = pc.addTransceiver(picture, { direction: 'sendonly' })
  pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: 'sendonly' })
  const known = RTCRtpSender.getCapabilities('video').codecs
  const wanted = known.filter((c) => c.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`)
  if (wanted.length === 0) throw new Error(`this browser does not send ${codec}`)
  sender.setCodecPreferences(wanted)
  await pc.setLocalDescription()
  const parameters = sender.sender.getParameters()
  parameters.degradationPreference = 'maintain-resolution'
  await sender.sender.setParameters(parameters)
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`${response.status}: ${answer}`)
  await pc.setRemoteDescription({ type: 'answer', sdp: answer })
  if (pc.connectionState !== 'connected') {
    await new Promise((done) => (pc.onconnectionstatechange = () => pc.connectionState === 'connected' && done()))
  }

  // The film runs by the clock of the sound, which stands still while a busy machine is late with that: pictures wait for it.
  const began = audio.currentTime + 0.2
  for (let n = 0; n < pictures; n++) {
    if (flashes(n) === flashes(n - 1)) continue
    level.gain.setValueAtTime(flashes(n) ? 0.4 : 0, began + n / fps)
  }
  await new Promise((done) => {
    let last = -1
    const timer = setInterval(() => {
      const n = Math.floor((audio.currentTime - began) * fps)
      if (n <= last) return
      if (n >= pictures) {
        clearInterval(timer)
        return done()
      }
      last = n
      show(n)
      picture.requestFrame()
    }, 2)
  })
  await new Promise((done) => setTimeout(done, 300)) // what is in the encoder goes out
  await fetch(response.headers.get('Location'), { method: 'DELETE' })
  pc.close()
}

/** Runs in the page, and returns the recording in base 64. */
async function inWatcher({ mode, url }) {
  document.body.innerHTML = '<video autoplay playsinline style="width: 100%"></video>'
  const video = document.querySelector('video')
  let over
  const ended = new Promise((done) => (over = done))
  let stream = new MediaStream()
  if (mode === 'whep') {
    const pc = new RTCPeerConnection()
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' })
    const arrived = new Promise((done) => {
      pc.ontrack = ({ track }) => {
        stream.addTrack(track)
        if (stream.getTracks().length === 2) done()
      }
    })
    pc.onconnectionstatechange = () => ['disconnected', 'failed', 'closed'].includes(pc.connectionState) && over()
    await pc.setLocalDescription()
    const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
    const answer = await response.text()
    if (response.status !== 201) throw new Error(`${response.status}: ${answer}`)
    await pc.setRemoteDescription({ type: 'answer', sdp: answer })
    await arrived
    video.srcObject = stream
  } else {
    const hls = new window.Hls({ lowLatencyMode: true })
    hls.on(window.Hls.Events.ERROR, (_, e) => e.fatal && console.error(`hls.js: ${e.details}`))
    hls.attachMedia(video)
    hls.loadSource(url)
    video.onended = () => over()
    await new Promise((done) => (video.onplaying = done))
    stream = video.captureStream()
  }
  const recorder = new MediaRecorder(stream, { mimeType: 'video/webm;codecs=vp8,opus', videoBitsPerSecond: 2_500_000 })
  const pieces = []
  recorder.ondataavailable = (e) => pieces.push(e.data)
  const stopped = new Promise((done) => (recorder.onstop = done))
  recorder.start()
  await ended
  if (recorder.state !== 'inactive') recorder.stop()
  await stopped
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer())
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(text)
}
