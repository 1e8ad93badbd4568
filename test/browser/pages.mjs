// Opens the pages over a broadcaster of fixed facts (broadcaster/api's test serves it), and reads them as a person
// does. Usage: node pages.mjs BASE-URL SCREENSHOT-FOLDER. It ends with an error where something else is read.
import assert from 'node:assert/strict'

import { audit, laptop, launch, phone, picture, until } from './browser.mjs'
import { serveCamera } from './camera.mjs'

const [base, folder] = process.argv.slice(2)
assert.ok(base && folder, 'usage: node pages.mjs BASE-URL SCREENSHOT-FOLDER')

const browser = await launch()
try {
  const context = await browser.newContext({ viewport: laptop })
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (e) => problems.push(`${e}`))
  page.on('console', (m) => {
    const wanted = /Failed to load resource|WHEP|net::ERR/.test(m.text()) // failures that the test itself causes
    if (m.type() === 'error' && !wanted) problems.push(m.text())
  })
  // Line breaks between cells and chips are how it looks, not what it says.
  const see = (id) => page.getByTestId(id).innerText().then((t) => t.replace(/\s+/g, ' '), () => '')
  const fact = async (name) => {
    const response = await fetch(`${base}/fixture/${name}`, { method: 'POST' })
    assert.equal(response.status, 200, name)
  }
  const reads = (id, pattern) => until(`${id} reads ${pattern}`, () => see(id), (t) => pattern.test(t))

  // Nothing is live: the page teaches how to publish.
  await fact('empty')
  await page.goto(base)
  await reads('empty', /Nothing is live yet/)
  await reads('browser-form', /Stream key Codec .*Publish the camera Publish the screen/)
  await reads('line', /Figures are live/)
  await picture(page, folder, 'empty')
  await page.getByRole('tab', { name: 'Video file' }).click()
  await reads('publish', /ffmpeg -re .* rtmp:\/\/127\.0\.0\.1:1935\/live\/demo/)
  await page.getByRole('tab', { name: 'Other' }).click()
  await reads('publish', /WHIP http:\/\/127\.0\.0\.1:\d+\/whip\/demo .*RTSP rtsp:\/\/127\.0\.0\.1:8554\/live\/demo .*SRT srt:\/\/127\.0\.0\.1:8890\?streamid=publish:demo/)
  await picture(page, folder, 'other-ways')
  await page.getByRole('tab', { name: 'OBS' }).click()
  await reads('publish', /Server\s+rtmp:\/\/127\.0\.0\.1:1935\/live[\s\S]*demo[\s\S]*keyframe interval 2 s/)

  // A publisher comes: the picture plays without a touch.
  const camera = await serveCamera(context, base, {
    auto: [1280, 720], '720p': [1280, 720], '480p': [854, 480], '360p': [640, 360],
  })
  await page.bringToFront()
  await fact('live')
  await reads('state', /^Live$/)
  const frames = () => page.getByTestId('video').evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames)
  const size = () => page.getByTestId('video').evaluate((v) => [v.videoWidth, v.videoHeight])
  await until('pictures come by WebRTC', frames, (n) => n > 5)
  await until('nothing covers the picture', () => page.getByTestId('veil').count(), (n) => n === 0)
  await until('it says what automatic means', () => page.getByTestId('quality').locator('option').first().innerText(), (t) => t === 'Auto (720p)')
  await reads('latency', /^\d\.\d\d s$/)
  await reads('serving', /Rosa ?0x52a1…0001 serves this stream: lowest delay of the 3 drawn\. It holds 50\.0 % of all stake/)
  await reads('ladder', /720p, 480p, 360p from H264 1280×720/)
  await reads('stop-in', /In\s+30 fps\s+steady/)
  await reads('stop-segments', /Segments\s+\d+\s+2\.0 s each/)
  await reads('stop-orchestrator', /Orchestrator\s+Rosa\s+2 ms away/)
  await reads('stop-verified', /Verified\s+\d+\s+all passed/)
  await reads('stop-paid', /Paid\s+0\.\d+ ETH\s+2 of \d+ redeemed/)
  await reads('account', /Redeemed\s+2\s+0\.004000 ETH\s+Deposit left\s+9\.994 ETH\s+Reserve\s+3\.000 ETH/)
  await page.getByTestId('elsewhere').locator('summary').click()
  await reads('elsewhere', /RTSP rtsp:\/\/127\.0\.0\.1:8554\/demo/)
  await page.getByTestId('elsewhere').locator('summary').click()
  await reads('events', /A ticket won 0\.002 ETH and was redeemed\./)
  await picture(page, folder, 'watch')

  // Everything that a person looks for first is on the screen without scrolling, and numbers move nothing.
  for (const [name, viewport] of Object.entries({ laptop, phone })) {
    await page.setViewportSize(viewport)
    for (const id of ['video', 'latency', 'quality', 'road']) {
      const box = await page.getByTestId(id).boundingBox()
      assert.ok(box && box.y + box.height <= viewport.height, `${id} is in sight on a ${name}: ${JSON.stringify(box)}`)
      assert.ok(box.x >= 0 && box.x + box.width <= viewport.width + 0.5, `${id} is not cut off on a ${name}`)
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= viewport.width, `nothing scrolls sideways on a ${name}: ${wide}`)
    const places = () => page.evaluate(() =>
      [...document.querySelectorAll('[data-testid]')].map((e) => {
        const { x, y, width } = e.getBoundingClientRect()
        return [e.dataset.testid, Math.round(x), Math.round(y), e.tagName === 'VIDEO' ? Math.round(width) : 0].join(' ')
      }).filter((p) => !/^(size|audience)/.test(p)))
    let before
    await until('the layout is at rest', async () => [before, (before = await places())].map(String), ([a, b]) => a === b)
    const verified = await see('stop-verified')
    await fact('segments')
    await until('a number moved', () => see('stop-verified'), (t) => t !== verified)
    const after = await places()
    assert.deepEqual(after.filter((p, i) => p !== before[i]), [], 'numbers move nothing')
  }
  await page.setViewportSize(laptop)

  // Qualities change without a break; one that cannot be had by WebRTC says so.
  for (const [name, height] of [['480p', 480], ['360p', 360], ['720p', 720]]) {
    await page.getByTestId('quality').selectOption(name)
    await until(`${name} shows`, size, ([, h]) => h === height)
  }
  assert.match(page.url(), /quality=720p/)
  const asked = camera.asked.filter((r, i, all) => r !== all[i - 1]) // a player that waits for long asks again
  assert.deepEqual(asked.slice(-3), ['480p', '360p', '720p'])
  const source = page.getByTestId('quality').locator('option[value=source]')
  assert.match(await source.innerText(), /HLS only/)
  assert.ok(await source.isDisabled())
  await page.getByTestId('quality').selectOption('auto')

  // Each stop opens by keyboard and shows what is signed.
  for (const [stop, text] of [
    ['in', /RTMP from 127\.0\.0\.1:51234[\s\S]*every 2\.0 s[\s\S]*on time[\s\S]*live\.example\.com \(source\): live, 12 MB sent, begun anew 0 times[\s\S]*relay\.example\.net:9000 \(720p\): pausing: connection refused/], ['segments', /never waited for/],
    ['orchestrator', /Stands by\s+Amos/], ['verified', /every picture is there, at its time\s+\d+\s+0/],
    ['paid', /worth its fee on average[\s\S]*secret until it redeems[\s\S]*Redeemed so far\s+2/],
  ]) {
    await page.getByTestId(`stop-${stop}`).focus()
    await page.keyboard.press('Enter')
    await reads('details', text)
    assert.match(page.url(), new RegExp(`stop=${stop}`))
  }
  await page.getByTestId('stop-orchestrator').click()
  await page.getByText('The signed lease').click()
  await reads('details', /"serial": 7/)
  await picture(page, folder, 'details', { laptop })
  await page.getByTestId('stop-orchestrator').click()

  // The orchestrator dies: the page tells it as it happens.
  await fact('failover')
  await reads('stop-orchestrator', /Amos/)
  await reads('events', /Rosa stopped answering\. Amos took over at picture 12 040, nothing is missing\./)
  await reads('warnings', /The deposit lasts for another 20 minutes\./)
  await picture(page, folder, 'failover')

  // The server stops talking: the page says that its figures are old.
  await fact('silent')
  await reads('line', /No connection, last figures/)
  await picture(page, folder, 'broken', { laptop })
  await fact('talking')
  await reads('line', /Figures are live/)

  // The publisher leaves.
  await fact('ended')
  await reads('veil', /The stream has ended: the publisher left\./)
  await reads('state', /Ended/)
  await page.goto(base)
  await reads('empty', /Nothing is live now .* demo: the publisher left/)

  // Several streams: tiles with stills.
  await context.route('**/thumbnails/*.jpg*', (route) => route.fulfill({ path: new URL('../../docs/images/network.png', import.meta.url).pathname }))
  await fact('several')
  await page.goto(base)
  await reads('tile-kitchen', /could be better[\s\S]*Key frames come every 8 s: set 2 s in OBS/)
  await until('stills are drawn', () => page.locator('.still img').count(), (n) => n === 3)
  await picture(page, folder, 'streams')
  await page.getByTestId('tile-garden').click()
  await until('a tile leads to its stream', () => page.url(), (u) => u.endsWith('/watch/garden'))
  await until('it plays', frames, (n) => n > 5)
  await page.goto(`${base}/watch/nobody`)
  await reads('veil', /Nothing is live here now/)
  await picture(page, folder, 'gone', { laptop })

  // WebRTC refused: HLS stands in, and says why.
  await camera.close()
  await page.goto(`${base}/watch/garden`)
  await reads('note', /WebRTC did not work|HLS did not work/)
  await reads('transport', /Auto \(HLS\)/)

  // The network: who does the work, can I trust them.
  await page.goto(`${base}/network`)
  const order = () => page.locator('tbody tr').evaluateAll((rows) => rows.map((r) => r.dataset.testid.replace('orchestrator-', '')).join())
  await until('most verified work first', order, (o) => o === 'Rosa,Amos,Ilse')
  await page.getByRole('button', { name: /^Price/ }).click()
  await until('dearest first', order, (o) => o === 'Rosa,Amos,Ilse')
  await page.getByRole('button', { name: /^Price/ }).click()
  await until('cheapest first', order, (o) => o === 'Ilse,Amos,Rosa')
  assert.match(page.url(), /sort=price&order=up/)
  await page.reload()
  await until('the address keeps the order', order, (o) => o === 'Ilse,Amos,Rosa')
  await page.getByRole('button', { name: /^Yield after risk/ }).click()
  await until('best yield first', order, (o) => o === 'Rosa,Amos,Ilse')
  await reads('orchestrator-Ilse', /803 82\.0 % .* 20.000 0\.0 % 100 % 1\.92 % .* left alone/)
  await reads('orchestrator-Rosa', /5\.0 % 10\.0 % on \d+ \w+ 90\.0 % 80\.0 % on/)
  await reads('notes', /Ilse failed 3 times in a row, left alone for another 31 s\./)
  await reads('broadcaster', /Deposit\s+9\.994 ETH[\s\S]*Reserve for each\s+1\.000 ETH/)

  // A record opens by keyboard: cuts with the times they hold from, earnings apart from fees, what slashing took.
  await page.getByRole('button', { name: 'Ilse', exact: true }).focus()
  await page.keyboard.press('Enter')
  await reads('record', /Worst slashing 4\.52 % .* New stake 9\.22 % Slash risk −7\.30 % Together 1\.92 % Fees apart 0\.9053 ETH/)
  await reads('slashes', /620\.0 500\.0 18.211/)
  await page.getByRole('button', { name: 'Rosa', exact: true }).click()
  await reads('cuts', /announced 10\.0 % 80\.0 % .* 5\.0 % 90\.0 % .* 8\.0 % 90\.0 %/)
  await reads('record', /Never: no lie was proven/)
  assert.match(page.url(), /open=0x52a1/)
  await page.reload()
  await reads('record', /Delegate to Rosa/)
  await audit(page, 'network')
  await picture(page, folder, 'network')

  // Stake, as anybody may look at it.
  await page.getByRole('link', { name: 'Delegate to Rosa' }).click()
  await reads('begin', /its own stake pays, then yours/)
  await reads('no-wallet', /No wallet is in this browser/)
  await reads('offer-Amos', /30.000 6.032 7\.69 % 3\.88 % Delegate/)
  await audit(page, 'begin')
  await picture(page, folder, 'begin', { laptop })
  await page.getByTestId('look').fill('0x12')
  await page.getByRole('button', { name: 'Show' }).click()
  await until('a wrong address is refused in words', () => page.getByText('An address is 0x and 40 hexadecimal digits.').count(), (n) => n === 1)
  await page.getByTestId('look').fill('0xd05ac0fFee0000000000000000000000000000d0')
  await page.keyboard.press('Enter')
  await reads('figures', /Staked 1.250 CAST .* Earns a year 8\.17 % .* Fees to claim 0\.01322 ETH .* Unlocked 40\.00 CAST ready to withdraw/)
  await reads('positions', /From \d+ \w+ it keeps 10\.0 % of rewards \(now 5\.0 %\)/)
  await reads('positions', /100\.0 CAST came from Ilse and answer for it: they can leave from/)
  await reads('clock-2', /^2 d [12] h until /)
  await reads('clock-1', /^Unlocked since /)
  await page.getByTestId('position-Rosa').getByRole('button', { name: 'Unbond' }).click()
  await page.getByTestId('amount').fill('12,5')
  await reads('panel', /Write the decimal point as a point: 12\.5/)
  await page.getByTestId('amount').fill('2000')
  await reads('panel', /1.000 CAST are with Rosa\. Choose that or less\./)
  await page.getByTestId('amount').fill('12.5')
  await reads('preview', /Unlocks in 7 days: .* Until then it earns nothing and can still be slashed .* Stays 987\.5 CAST with Rosa/)
  await audit(page, 'stake')
  await picture(page, folder, 'stake-looked-at')
  await fact('chainOut')
  await page.goto(`${base}/stake`)
  await reads('warnings', /The chain does not answer this broadcaster: connection refused\. Nothing is lost/)
  await picture(page, folder, 'stake-without-chain', { laptop })
  const response = await page.goto(`${base}/nowhere`)
  assert.equal(response.status(), 404)
  await until('unknown pages say so', () => page.innerText('h1'), (t) => t === 'There is no page at this address')

  assert.deepEqual(problems, [], 'no errors in the console')
} finally {
  await browser.close()
}
