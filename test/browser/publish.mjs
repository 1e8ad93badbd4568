// Publishes from the browser by the page's own button, as a person would, and watches what the network makes of it; writes
// what it saw as one JSON object.
//
//   node publish.mjs BASE-URL [--screenshots FOLDER] [--frames N]
//
// Chromium's fake camera stands in for a real one. One tab publishes; a second one, which knows nothing of it, watches a
// transcoded rendition by WebRTC until N pictures (default 30) were decoded. A third tab is told why it may not publish too.
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'

import { audit, laptop, launch, phone, picture, until } from './browser.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: 'string' }, frames: { type: 'string', default: '30' } },
})
const [base] = positionals
assert.ok(base, 'usage: node publish.mjs BASE-URL [options]')

const report = { ok: false, problems: [] }
const browser = await launch()
try {
  await work()
} catch (e) {
  report.problems.push(e.message)
} finally {
  await browser.close()
}
report.ok = report.problems.length === 0
console.log(JSON.stringify(report, null, 2))
process.exitCode = report.ok ? 0 : 1

async function open(path) {
  const context = await browser.newContext({ viewport: laptop, permissions: ['camera', 'microphone'] })
  const page = await context.newPage()
  page.on('pageerror', (e) => report.problems.push(`error on the page: ${e}`))
  await page.goto(base + path)
  return page
}

function see(page, id) {
  return page.getByTestId(id).innerText().then((t) => t.replace(/\s+/g, ' '), () => '')
}

async function work() {
  const publisher = await open('/')

  // A wrong key is refused in the server's words.
  await publisher.getByTestId('publish-key').fill('nonsense')
  await publisher.getByTestId('publish-camera').click()
  report.wrongKey = await until('a wrong key is refused', () => see(publisher, 'publish-problem'), (t) => /\(403\): no stream has this key/.test(t))

  await publisher.getByTestId('publish-key').fill('demo')
  assert.equal(await publisher.getByTestId('publish-codec').inputValue(), 'H264', 'the codec of every player comes first')
  await publisher.getByTestId('publish-camera').click()
  await until('this browser is live', () => see(publisher, 'publishing'), (t) => /This browser is live/.test(t))

  const watcher = await open('/watch/demo?player=webrtc')
  const stream = await until('the stream is live with a ladder', () => api('streams/demo'),
    (s) => s?.state === 'live' && s.input.protocol === 'WHIP' && s.orchestrator && s.renditions.length > 1)
  report.input = { codec: stream.input.codec, width: stream.input.width, height: stream.input.height, audio: stream.input.audio }
  const rung = stream.renditions.at(-1)
  await until(`${rung.name} can be chosen`, () => watcher.getByTestId('quality').locator(`option[value="${rung.name}"]`).isEnabled(), (can) => can)
  await watcher.getByTestId('quality').selectOption(rung.name)
  const playing = () => watcher.getByTestId('video').evaluate((v) => ({
    width: v.videoWidth, height: v.videoHeight, frames: v.getVideoPlaybackQuality().totalVideoFrames,
  }))
  const first = await until(`${rung.name} plays`, playing, (p) => p.height === rung.height && p.frames > 0)
  const last = await until(`${options.frames} pictures of ${rung.name}`, playing, (p) => p.frames - first.frames >= Number(options.frames))
  report.watched = { rendition: rung.name, width: last.width, height: last.height, frames: last.frames - first.frames, latency: await see(watcher, 'latency') }

  // The publisher sees what goes out; a second one hears why it may not.
  report.figures = await until('the bar has figures', () => see(publisher, 'publishing-figures'), (t) => /^H264 \d+×\d+, [\d.]+ fps, [\d.]+ [kM]b\/s$/.test(t))
  await rivalPublishes()
  if (options.screenshots) {
    await audit(publisher, 'publishing')
    await picture(publisher, options.screenshots, 'publishing', { laptop, phone })
  }

  await publisher.getByTestId('publishing-stop').click()
  await until('the bar goes', () => publisher.getByTestId('publishing').count(), (n) => n === 0)
  await until('the stream has ended', () => see(watcher, 'veil'), (t) => /The stream has ended: the publisher ended it/.test(t))
}

/** The page of a stream that is not live has the form while another one is. */
async function rivalPublishes() {
  const page = await open('/watch/nobody')
  await page.getByTestId('publish-camera').click()
  report.inUse = await until('a key in use is refused', () => see(page, 'publish-problem'), (t) => /\(409\): somebody is already publishing/.test(t))
}

async function api(path) {
  const response = await fetch(`${base}/api/v1/${path}`).catch(() => undefined)
  return response?.ok ? response.json() : undefined
}
