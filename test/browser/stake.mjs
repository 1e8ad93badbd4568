// A delegator with a browser wallet on a real chain: test/browser's Go test serves pages, chain and wallet. Usage: node
// stake.mjs BASE-URL SCREENSHOT-FOLDER. It ends with an error where something else happens than a person is told.
import assert from 'node:assert/strict'

import { audit, laptop, launch, picture, until } from './browser.mjs'

const [base, folder] = process.argv.slice(2)
assert.ok(base && folder, 'usage: node stake.mjs BASE-URL SCREENSHOT-FOLDER')

/** Asks the test for something that happens outside the browser. */
async function ask(path, body = {}) {
  const response = await fetch(`${base}/test/${path}`, { method: 'POST', body: JSON.stringify(body) })
  const text = await response.text()
  assert.equal(response.status, 200, `${path}: ${text}`)
  return text ? JSON.parse(text) : null
}

/** A wallet as EIP-1193 and EIP-6963 want it. Its keys are in the test; `castnetWallet` leads there. */
function wallet() {
  const listeners = {}
  const provider = {
    async request({ method, params = [] }) {
      const answer = await window.castnetWallet(method, params)
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error)
      for (const [event, value] of answer.events ?? []) for (const l of listeners[event] ?? []) l(value)
      return answer.result
    },
    on: (event, l) => (listeners[event] ??= []).push(l),
    removeListener: (event, l) => (listeners[event] = (listeners[event] ?? []).filter((x) => x !== l)),
  }
  const announce = () =>
    window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info: { uuid: 'test', name: 'Test wallet' }, provider }) }))
  window.addEventListener('eip6963:requestProvider', announce)
  announce()
}

const browser = await launch()
try {
  const context = await browser.newContext({ viewport: laptop })
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (e) => problems.push(`${e}`))
  page.on('console', (m) => m.type() === 'error' && problems.push(m.text()))
  await page.exposeFunction('castnetWallet', (method, params) => ask('wallet', { method, params }))
  await page.addInitScript(wallet)

  const see = (id) => page.getByTestId(id).innerText().then((t) => t.replace(/\s+/g, ' '), () => '')
  const reads = (id, pattern) => until(`${id} reads ${pattern}`, () => see(id), (t) => pattern.test(t))
  const gone = (id) => until(`${id} is gone`, () => page.getByTestId(id).count(), (n) => n === 0)
  const click = (row, name) => page.getByTestId(row).getByRole('button', { name, exact: true }).click()
  const go = () => page.getByTestId('go').click()
  const type = (amount) => page.getByTestId('amount').fill(amount)
  const done = () => reads('done', /Done in block \d+\. It cost \S+ /)

  // What the chain remembers: who earned what, on the page of the network.
  await page.goto(`${base}/network`)
  await reads('orchestrator-Rosa', /10\.0 % 20\.0 % on \d+ \w+/)
  await page.getByRole('button', { name: 'Rosa', exact: true }).click()
  await reads('cuts', /announced 20\.0 % 50\.0 % .* 10\.0 % 50\.0 %/)
  await picture(page, folder, 'network-real', { laptop })

  // No wallet is connected: the page says what staking is, and with whom.
  await page.goto(`${base}/stake`)
  await reads('offer-Rosa', /Rosa.* 65.\d\d\d .* % .* Delegate/)
  await ask('decline')
  await page.getByTestId('connect').click()
  await reads('panel', /You declined in the wallet, nothing was sent/)
  await page.getByTestId('connect').click()

  // The wallet is on another chain: both are named, and one click mends it.
  await reads('wrong-chain', /Your wallet is on Ethereum \(chain 1\)\. This stake is on Castnet development chain \(chain 1337\)/)
  await reads('panel', /Switch it to Castnet development chain \(chain 1337\) to sign/)
  await picture(page, folder, 'stake-wrong-chain', { laptop })
  await page.getByTestId('switch').click()
  await gone('wrong-chain')
  await reads('wallet', /Test wallet 0x\w+…\w+ 1.000 CAST and 1.000 ETH/)

  // Delegate: more than there is, then no at the first signature, then both.
  await click('panel', 'All')
  await until('all is all there is', () => page.getByTestId('amount').inputValue(), (v) => v === '1000')
  await type('1000.1')
  await reads('panel', /The wallet holds 1.000 CAST\. Choose a smaller amount/)
  await page.getByTestId('pick-to').selectOption({ label: await optionOf(page, 'pick-to', 'Rosa') })
  await type('100')
  await reads('preview', /Stake 100\.0 CAST with Rosa, at once.*Leaving any time; it unlocks 7 days after.*May earn about.*May lose.*Costs about.*2 signatures/)
  await audit(page, 'a delegation')
  await picture(page, folder, 'stake-preview')
  await ask('decline')
  await go()
  await reads('problem', /You declined in the wallet, nothing was sent\. Try again/)
  await page.getByTestId('amount').press('Enter')
  await done()
  await picture(page, folder, 'stake-delegated', { laptop })
  await reads('position-Rosa', /Rosa.* 100\.0 /)
  await reads('wallet', /900\.0 CAST/)
  await reads('figures', /Staked 100\.0 CAST with one orchestrator .* Leaving takes 7 days/)

  // Move: no time without work.
  await click('position-Rosa', 'Move')
  await type('40')
  await reads('panel', /Choose where the stake goes/)
  await page.getByTestId('pick-to').selectOption({ label: await optionOf(page, 'pick-to', 'Amos') })
  await reads('preview', /60\.00 CAST with Rosa, 40\.00 CAST more with Amos/)
  await go()
  await done()
  await reads('position-Rosa', / 60\.00 /)
  await reads('position-Amos', / 40\.00 /)

  // What was moved works elsewhere, and still answers for where it came from.
  await reads('positions', /40\.00 CAST came from Rosa and answer for it: they can leave from/)
  await click('position-Amos', 'Unbond')
  await type('1')
  await reads('panel', /40\.00 CAST were moved to Amos and can leave from .* on\. Wait until then/)

  // Unbond, and put it back.
  await click('position-Rosa', 'Unbond')
  await type('25.5')
  await reads('preview', /Unlocks in 7 days: .* Stays 34\.50 CAST with Rosa/)
  await go()
  await done()
  await reads('position-Rosa', / 34\.50 /)
  await reads('leaving', /Rosa.* 25\.50 [67] d \d+ h until /)
  await reads('figures', /Next unlock in [67] d \d+ h/)
  await click('leaving', 'Put back')
  await reads('preview', /Stake 60\.00 CAST with Rosa, at once; the clock stops/)
  await go()
  await done()
  await reads('position-Rosa', / 60\.00 /)
  await gone('leaving')

  // Unbond again; too early to withdraw; a week later it is not.
  await click('position-Rosa', 'Unbond')
  await type('20')
  await go()
  await done()
  await reads('leaving', /Rosa.* 20\.00 [67] d \d+ h until /)
  const withdraw = page.getByTestId('leaving').getByRole('button', { name: 'Withdraw' })
  assert.ok(await withdraw.isDisabled(), 'what is locked cannot be withdrawn')
  await picture(page, folder, 'stake-leaving')
  await ask('travel', { seconds: 7 * 86_400 + 60 })
  await reads('leaving', /Unlocked since /)
  await reads('figures', /Unlocked 20\.00 CAST ready to withdraw/)
  await withdraw.click()
  await reads('preview', /You get 20\.00 CAST in your wallet, at once/)
  await go()
  await done()
  await gone('leaving')
  await reads('wallet', /920\.0 CAST/)

  // By now what was moved may leave as well, all of it.
  await click('position-Amos', 'Unbond')
  await click('panel', 'All')
  await reads('preview', /Stays nothing with Amos; fees that you have earned stay yours/)
  await go()
  await done()
  await gone('position-Amos')

  // Fees come in another coin, and are claimed apart.
  await ask('fees')
  await reads('position-Rosa', /0\.00\d+ ETH|\d+ gwei/)
  await click('position-Rosa', 'Claim')
  await reads('preview', /You get .*(ETH|gwei) in your wallet, at once/)
  await go()
  await done()
  await reads('position-Rosa', / 0 ETH /)

  // Somebody was faster: the contract's refusal, in plain words, before anything is signed.
  await click('position-Rosa', 'Unbond')
  await type('40')
  await reads('preview', /Stays/)
  await ask('elsewhere')
  await go()
  await reads('problem', /^Only 30\.\d+ CAST are there\. Choose that or less/)
  await picture(page, folder, 'stake-refused', { laptop })

  // The wallet is taken up again by itself, until it is let go.
  await page.reload()
  await reads('wallet', /Test wallet/)
  await page.getByRole('button', { name: 'Disconnect' }).click()
  await reads('begin', /Put CAST behind an orchestrator/)

  assert.deepEqual(problems, [], 'no errors in the console')
} finally {
  await browser.close()
}

async function optionOf(page, id, name) {
  const texts = await page.getByTestId(id).locator('option').allInnerTexts()
  return texts.find((t) => t.startsWith(name))
}
