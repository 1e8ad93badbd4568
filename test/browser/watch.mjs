// Watches a live stream on the real pages as a person would, and writes what it saw as one JSON object.
//
//   node watch.mjs BASE-URL STREAM-ID [--renditions 720p,480p,360p] [--screenshots FOLDER] [--seconds N] [--no-hls]
//     [--expect-text PATTERN]…
//
// For each rendition it chooses WebRTC and that quality in the page's menus, and measures for N seconds (default 4)
// that pictures are decoded and how large they are; then the same by HLS, with level switching. Without --renditions it
// takes those that the API lists. The exit status is 0 where all that was asked holds; "problems" says what does not.
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'

import { laptop, launch, phone, picture, until } from './browser.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    renditions: { type: 'string' },
    screenshots: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    'no-hls': { type: 'boolean', default: false },
    'expect-text': { type: 'string', multiple: true, default: [] },
  },
})
const [base, id] = positionals
assert.ok(base && id, 'usage: node watch.mjs BASE-URL STREAM-ID [options]')
const seconds = Number(options.seconds)

const stream = await until('the stream is live with a ladder', () => api(`streams/${encodeURIComponent(id)}`),
  (s) => s?.state === 'live' && s.renditions.length > 1)
const wanted = options.renditions?.split(',') ?? stream.renditions.filter((r) => r.whep).map((r) => r.name)

const report = { ok: false, stream: id, webrtc: {}, hls: {}, text: {}, problems: [] }
const browser = await launch()
try {
  const context = await browser.newContext({ viewport: laptop })
  await context.addInitScript(keepConnections)
  const page = await context.newPage()
  page.on('pageerror', (e) => report.problems.push(`error on the page: ${e}`))
  await page.goto(`${base}/watch/${encodeURIComponent(id)}`)

  for (const name of wanted) {
    await attempt(`WebRTC ${name}`, async () => {
      report.webrtc[name] = await watchWebRTC(page, stream.renditions.find((r) => r.name === name), name)
    })
  }
  await attempt('thumbnail', () => thumbnail(page))
  await attempt('page', () => read(page))
  if (!options['no-hls']) await attempt('HLS', () => watchHLS(page))
} finally {
  await browser.close()
}
report.ok = report.problems.length === 0
console.log(JSON.stringify(report, null, 2))
process.exitCode = report.ok ? 0 : 1

async function attempt(what, work) {
  try {
    await work()
  } catch (e) {
    report.problems.push(`${what}: ${e.message}`)
  }
}

async function api(path) {
  const response = await fetch(`${base}/api/v1/${path}`).catch(() => undefined)
  return response?.ok ? response.json() : undefined
}

/** Runs in the page before its own scripts: remembers peer connections, so that their statistics can be read. */
function keepConnections() {
  const Original = window.RTCPeerConnection
  const made = []
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args)
      made.push(this)
    }
  }
  Object.defineProperty(window, Symbol.for('peer connections'), { value: made })
}

/** Figures of the picture that comes by the newest open peer connection. */
async function inbound(page) {
  return page.evaluate(async () => {
    const open = window[Symbol.for('peer connections')].filter((pc) => pc.connectionState === 'connected')
    const stats = [...((await open.at(-1)?.getStats()) ?? new Map()).values()]
    const video = stats.find((s) => s.type === 'inbound-rtp' && s.kind === 'video')
    const audio = stats.find((s) => s.type === 'inbound-rtp' && s.kind === 'audio')
    return {
      framesDecoded: video?.framesDecoded ?? 0,
      keyFramesDecoded: video?.keyFramesDecoded ?? 0,
      framesDropped: video?.framesDropped ?? 0,
      freezeCount: video?.freezeCount ?? 0,
      packetsLost: video?.packetsLost ?? 0,
      frameWidth: video?.frameWidth ?? 0,
      frameHeight: video?.frameHeight ?? 0,
      audioSamples: audio?.totalSamplesReceived ?? 0,
      open: open.length,
    }
  })
}

async function choose(page, menu, value) {
  await until(`${value} can be chosen`, () => page.getByTestId(menu).locator(`option[value="${value}"]`).isEnabled(),
    (can) => can)
  await page.getByTestId(menu).selectOption(value)
}

/** How far measure gets in some seconds; measured again, ten times in all, while a busy machine keeps it below least. */
async function pace(page, measure, least) {
  let got
  for (let i = 0; i < 10 && !(got >= least); i++) {
    const before = await measure()
    await page.waitForTimeout(seconds * 1000)
    got = (await measure()) - before
  }
  return got
}

async function watchWebRTC(page, rendition, name) {
  assert.ok(rendition, `the API lists no rendition ${name}`)
  await choose(page, 'transport', 'webrtc')
  await choose(page, 'quality', name)
  const started = Date.now()
  await until(`${name} shows at ${rendition.width}×${rendition.height}`, () => inbound(page),
    (s) => s.frameWidth === rendition.width && s.frameHeight === rendition.height && s.framesDecoded > 0 && s.open === 1)
  const shownAfter = Date.now() - started
  const least = 0.8 * seconds * (rendition.fps || 25)
  const decoded = await pace(page, async () => (await inbound(page)).framesDecoded, least)
  const after = await inbound(page)
  assert.ok(decoded >= least, `${decoded} pictures decoded in ${seconds} s, wanted ${least.toFixed(0)}`)
  const text = await page.getByTestId('latency').innerText()
  return { ...after, decoded, shownAfterMs: shownAfter, latency: text, note: await page.getByTestId('note').innerText() }
}

/** Reads the page as a person does; the facts that a running network has by now must be there. */
async function read(page) {
  const see = async (testid) => (await page.getByTestId(testid).innerText()).replace(/\s+/g, ' ')
  const expected = {
    state: /^Live$/,
    line: /Figures are live/,
    serving: /serves this stream: .+ It holds [\d.]+ % of all stake/,
    'stop-in': /\d fps/,
    'stop-segments': /Segments \d/,
    'stop-orchestrator': /Orchestrator .+ (away|just begun)/,
    'stop-verified': /Verified [\d\u202f]*[1-9]/,
    'stop-paid': /Paid .+ of .+ redeemed/,
    deposit: /\d/,
    reserve: /\d/,
  }
  for (const [testid, pattern] of Object.entries(expected)) {
    await attempt(`page, ${testid}`, async () => {
      report.text[testid] = await until(`reads ${pattern}`, () => see(testid), (t) => pattern.test(t))
    })
  }
  const whole = (await page.innerText('body')).replace(/\s+/g, ' ')
  for (const pattern of options['expect-text']) {
    if (!new RegExp(pattern).test(whole)) report.problems.push(`the page does not say ${pattern}`)
  }
  if (options.screenshots) {
    await choose(page, 'quality', 'auto')
    await page.waitForTimeout(2000)
    await picture(page, options.screenshots, 'watch', { laptop, phone })
  }
}

/** The stream's thumbnail is a picture, of the source's shape. */
async function thumbnail(page) {
  const [width, height] = await page.evaluate(async (url) => {
    const picture = new Image()
    picture.src = url
    await picture.decode()
    return [picture.naturalWidth, picture.naturalHeight]
  }, `/thumbnails/${encodeURIComponent(id)}.jpg`)
  const source = stream.renditions.find((r) => r.name === 'source')
  assert.equal(width, 320)
  assert.ok(Math.abs(height - (320 * source.height) / source.width) <= 2, `320×${height} of ${source.width}×${source.height}`)
}

async function watchHLS(page) {
  await page.getByTestId('quality').selectOption('auto')
  await choose(page, 'transport', 'hls')
  const state = () => page.getByTestId('video').evaluate((v) => ({
    time: v.currentTime, width: v.videoWidth, height: v.videoHeight,
    frames: v.getVideoPlaybackQuality().totalVideoFrames, dropped: v.getVideoPlaybackQuality().droppedVideoFrames,
  }))
  await until('HLS plays', state, (s) => s.time > 0 && s.height > 0 && s.frames > 5)
  const played = await pace(page, async () => (await state()).time, 0.7 * seconds)
  report.hls.auto = { ...(await state()), played, latency: await page.getByTestId('latency').innerText() }
  assert.ok(played >= 0.7 * seconds, `${played.toFixed(2)} s played in ${seconds} s`)

  report.hls.levels = {}
  for (const name of wanted.filter((n) => n !== 'source')) {
    const { width, height } = stream.renditions.find((r) => r.name === name)
    await attempt(`HLS ${name}`, async () => {
      await choose(page, 'quality', name)
      const from = await state()
      report.hls.levels[name] = await until(`${name} shows at ${width}×${height} and goes on`, state,
        (s) => s.width === width && s.height === height && s.time > from.time + 1)
    })
  }
  if (options.screenshots) await picture(page, options.screenshots, 'watch-hls', { laptop })
}
