// Watches the film of package clap (a flash and a beep together, once a second) by WHEP and by hls.js at the same time, and what a
// page sends itself by WebRTC, which is what the browser alone can do. Says how much later than its flash each beep came: one JSON
// object, {"whep": [[s, ms], …], "hls": …, "own": …}, where s is how long the page had been watching.
//
//   node sync.mjs BASE-URL STREAM RENDITION SECONDS
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { launch, until } from './browser.mjs'

const [base, stream, rendition, seconds] = process.argv.slice(2)
assert.ok(seconds, 'usage: node sync.mjs BASE-URL STREAM RENDITION SECONDS')

const browser = await launch()
try {
  const players = await Promise.all([open(), open(), open()])
  const require = createRequire(new URL('../../broadcaster/api/web/package.json', import.meta.url))
  await players[1].addScriptTag({ content: readFileSync(require.resolve('hls.js/dist/hls.min.js'), 'utf8') })
  const playlist = `/hls/${stream}/index.m3u8`
  const there = (path) => () => fetch(base + path).then((r) => r.status, () => 0)
  for (const path of [playlist, `/hls/${stream}/${rendition}/index.m3u8`]) {
    await until(`${path} is there`, there(path), (status) => status === 200)
  }
  const [whep, hls, own] = await Promise.all([
    players[0].evaluate(watch, { mode: 'whep', url: `/whep/${stream}?rendition=${rendition}`, seconds: Number(seconds) }),
    players[1].evaluate(watch, { mode: 'hls', url: playlist, seconds: Number(seconds) }),
    players[2].evaluate(watch, { mode: 'own', seconds: Number(seconds) }),
  ])
  console.log(JSON.stringify({ whep, hls, own }))
} finally {
  await browser.close()
}

async function open() {
  const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
  const page = await context.newPage()
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  page.on('console', (m) => console.error(m.text()))
  await page.goto(`${base}/api/v1/status`)
  return page
}

/** Runs in the page. */
async function watch({ mode, url, seconds }) {
  document.body.innerHTML = '<video autoplay playsinline style="width: 100%"></video>'
  const video = document.querySelector('video')
  const audio = new AudioContext()
  // A beep's first loud sample is told with the moment at which it was taken: sound is taken in bursts, and late where the
  // machine is busy, so that the least lateness of a second counts.
  const ear = `registerProcessor('ear', class extends AudioWorkletProcessor {
    constructor() { super(); this.quiet = 0; this.late = [Infinity, Infinity]; this.since = 0 }
    process([[samples]]) {
      if (currentTime - this.since > 0.5) { this.late = [Infinity, this.late[0]]; this.since = currentTime }
      this.late[0] = Math.min(this.late[0], Date.now() - 1000 * currentTime)
      for (let i = 0; samples && i < samples.length; i++) {
        if (Math.abs(samples[i]) < 0.13) { this.quiet++; continue }
        if (this.quiet > sampleRate / 10) this.port.postMessage(1000 * (currentTime + i / sampleRate) + Math.min(...this.late))
        this.quiet = 0
      }
      return true
    }
  })`
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([ear], { type: 'text/javascript' })))
  const beeps = []
  const listen = (source) => {
    const node = new AudioWorkletNode(audio, 'ear')
    node.port.onmessage = ({ data }) => beeps.push(data)
    source.connect(node).connect(audio.destination)
  }

  // A flash and a beep together, once a second, as in the film.
  const scene = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 426, height: 240 })
    const picture = canvas.getContext('2d')
    const volume = new GainNode(audio, { gain: 0 })
    const sound = audio.createMediaStreamDestination()
    const beep = new OscillatorNode(audio, { frequency: 1000 })
    beep.connect(volume).connect(sound)
    beep.start()
    let second = -1
    const draw = () => {
      requestAnimationFrame(draw)
      const now = performance.now()
      const flash = now % 1000 < 120
      if (flash && Math.floor(now / 1000) !== second) {
        second = Math.floor(now / 1000)
        volume.gain.setValueAtTime(1, audio.currentTime)
        volume.gain.setValueAtTime(0, audio.currentTime + 0.1)
      }
      picture.fillStyle = flash ? 'white' : 'black'
      picture.fillRect(0, 0, canvas.width, canvas.height)
    }
    draw()
    return new MediaStream([...canvas.captureStream(30).getTracks(), ...sound.stream.getTracks()])
  }

  const flashes = []
  const canvas = new OffscreenCanvas(12, 9) // the film's cells
  const cells = canvas.getContext('2d', { willReadFrequently: true, alpha: false })
  const began = performance.timeOrigin + performance.now()
  let before = true
  const onFrame = (now, { expectedDisplayTime }) => {
    video.requestVideoFrameCallback(onFrame)
    cells.drawImage(video, 0, 0, 12, 9)
    const { data } = cells.getImageData(0, 7, 12, 1)
    const flash = data[4] > 127 && data[4 * 6] > 127
    if (flash && !before) flashes.push(performance.timeOrigin + Math.max(now, expectedDisplayTime))
    before = flash
  }
  video.requestVideoFrameCallback(onFrame)

  if (mode === 'whep') {
    const pc = new RTCPeerConnection()
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' })
    const tracks = new MediaStream()
    const both = new Promise((done) => {
      pc.ontrack = ({ track }) => {
        tracks.addTrack(track)
        if (tracks.getTracks().length === 2) done()
      }
    })
    await pc.setLocalDescription()
    const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
    const answer = await response.text()
    if (response.status !== 201) throw new Error(`${response.status}: ${answer}`)
    await pc.setRemoteDescription({ type: 'answer', sdp: answer })
    await both
    video.srcObject = tracks
    listen(audio.createMediaStreamSource(tracks))
  } else if (mode === 'own') {
    const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()]
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate)
    to.onicecandidate = ({ candidate }) => candidate && from.addIceCandidate(candidate)
    const sent = scene()
    for (const track of sent.getTracks()) from.addTrack(track, sent)
    const both = new Promise((done) => {
      to.ontrack = ({ streams: [stream] }) => stream.getTracks().length === 2 && done(stream)
    })
    await from.setLocalDescription()
    await to.setRemoteDescription(from.localDescription)
    await to.setLocalDescription()
    await from.setRemoteDescription(to.localDescription)
    video.srcObject = await both
    listen(audio.createMediaStreamSource(video.srcObject))
  } else {
    listen(audio.createMediaElementSource(video))
    const hls = new window.Hls({ lowLatencyMode: true })
    hls.on(window.Hls.Events.ERROR, (_, e) => e.fatal && console.error(`hls.js: ${e.details}`))
    hls.attachMedia(video)
    hls.loadSource(url)
  }
  await new Promise((done) => setTimeout(done, 1000 * seconds))
  const pairs = flashes.flatMap((flash) => beeps.map((beep) => [(flash - began) / 1000, beep - flash]))
  return pairs.filter(([, late]) => Math.abs(late) < 500)
}
