import assert from 'node:assert/strict'
import test from 'node:test'

import { ago, bitrate, count, duration, fps, money, percent, short, significant } from '../src/format'

const thin = '\u202f'

test('money has four significant digits and the unit that reads best', () => {
  const table: [string, string][] = [
    ['', 'unknown'],
    ['0', '0 ETH'],
    ['1', '1 wei'],
    ['99999', `100${thin}000 wei`],
    ['100000', '0.0001000 gwei'],
    ['1234567', '0.001235 gwei'],
    ['42000000000', '42.00 gwei'],
    ['99999000000000', `100${thin}000 gwei`],
    ['100000000000000', '0.0001000 ETH'],
    ['1234560000000000', '0.001235 ETH'],
    ['999990000000000000', '1.000 ETH'],
    ['1000000000000000000', '1.000 ETH'],
    ['1234567890000000000000', `1${thin}235 ETH`],
    ['99999999999999999999999999', `100${thin}000${thin}000 ETH`],
  ]
  for (const [wei, want] of table) assert.equal(money(wei, 'ETH'), want, wei)
})

test('significant digits never differ from the exact value by more than half of the last one', () => {
  let seed = 1
  for (let i = 0; i < 5000; i++) {
    seed = (seed * 48271) % 2147483647
    const amount = BigInt(seed) ** BigInt(1 + (i % 3))
    const exponent = i % 20
    const shown = Number(significant(amount, exponent).replaceAll(thin, ''))
    const exact = Number(amount) / 10 ** exponent
    assert.ok(Math.abs(shown - exact) <= exact * 0.00051 + Number.EPSILON, `${amount} / 10^${exponent}: ${shown}`)
  }
})

test('figures', () => {
  assert.equal(count(1234567), `1${thin}234${thin}567`)
  assert.equal(percent(1), '100 %')
  assert.equal(percent(0.99999), '99.9 %', 'nearly everything is not everything')
  assert.equal(percent(0.5), '50.0 %')
  assert.equal(bitrate(2_540_000), '2.5 Mb/s')
  assert.equal(bitrate(640_000), '640 kb/s')
  assert.equal(bitrate(0), 'unknown')
  assert.equal(fps(30.001), '30 fps')
  assert.equal(fps(29.97), '29.97 fps')
  assert.equal(short('0x1234567890abcdef1234567890abcdef12345678'), '0x1234…5678')
})

test('times', () => {
  assert.equal(duration(59.9), '59 s')
  assert.equal(duration(200), '3 min 20 s')
  assert.equal(duration(1300), '21 min')
  assert.equal(duration(7500), '2 h 5 min')
  assert.equal(duration(4 * 86_400), '4 days')
  const now = Date.parse('2026-11-01T12:00:00Z')
  assert.equal(ago('2026-11-01T11:59:59Z', now), 'just now')
  assert.equal(ago('2026-11-01T11:59:48Z', now), '12 s ago')
})
