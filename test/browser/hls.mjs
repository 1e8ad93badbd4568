// Watches a live stream by LL-HLS with hls.js, as it comes or configured by a JSON file, and writes one JSON object:
// {"frames": [[when, pts], …], "reported": [seconds, …], "errors": […], "stalls": N}. When is milliseconds since 1970, pts the
// picture's time in the stream's files, in seconds; reported is what hls.js itself believes to be behind live.
//
//   node hls.mjs BASE-URL STREAM-ID SECONDS [CONFIGURATION]
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { launch } from './browser.mjs'

const [base, id, seconds, file] = process.argv.slice(2)
assert.ok(seconds, 'usage: node hls.mjs BASE-URL STREAM-ID SECONDS [CONFIGURATION]')
const config = file ? JSON.parse(readFileSync(file, 'utf8')) : {}
const library = fileURLToPath(new URL('../../broadcaster/api/web/node_modules/hls.js/dist/hls.js', import.meta.url))

const browser = await launch()
try {
  const page = await browser.newPage({ viewport: { width: 640, height: 360 } })
  page.on('pageerror', (e) => console.error(`error on the page: ${e}`))
  await page.goto(`${base}/api/v1/status`)
  await page.addScriptTag({ path: library })
  const seen = await page.evaluate(play, { url: `/hls/${encodeURIComponent(id)}/index.m3u8`, seconds: Number(seconds), config })
  console.log(JSON.stringify(seen))
} finally {
  await browser.close()
}

/** Runs in the page. */
async function play({ url, seconds, config }) {
  document.body.innerHTML = '<video autoplay muted playsinline style="width: 100%"></video>'
  const video = document.querySelector('video')
  const seen = { frames: [], reported: [], errors: [], stalls: 0 }
  const hls = new window.Hls(config)
  // Media time begins with the first fragment: this is where that was in the stream's files.
  let origin
  hls.on('hlsInitPtsFound', (_, { id, initPTS, timescale }) => {
    if (id === 'main') origin = initPTS / timescale
  })
  hls.on('hlsError', (_, { details, fatal }) => {
    if (details === 'bufferStalledError') seen.stalls++
    if (fatal) seen.errors.push(details)
  })
  const onFrame = (_, frame) => {
    if (origin !== undefined) seen.frames.push([performance.timeOrigin + frame.expectedDisplayTime, frame.mediaTime + origin])
    video.requestVideoFrameCallback(onFrame)
  }
  video.requestVideoFrameCallback(onFrame)
  setInterval(() => hls.latency > 0 && seen.reported.push(hls.latency), 250)
  hls.attachMedia(video)
  hls.loadSource(url)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  return seen
}
