import assert from 'node:assert/strict'
import test from 'node:test'

import { exactAmount, parseAmount, part } from '../src/stake/amount'

const token = 10n ** 18n

test('amounts are read exactly, or refused with the reason', () => {
  const good: [string, bigint][] = [
    ['1', token], ['12.5', (25n * token) / 2n], ['.5', token / 2n], ['5.', 5n * token], [' 1 000 ', 1000n * token],
    ['0.000000000000000001', 1n], ['1\u202f234.5', (12_345n * token) / 10n],
  ]
  for (const [text, want] of good) assert.equal(parseAmount(text), want, text)
  const bad: [string, RegExp][] = [
    ['', /Type an amount/], ['.', /no amount/], ['12,5', /as a point/], ['1e3', /no amount/], ['-1', /no amount/], ['0x10', /no amount/],
    ['0', /more than 0/], ['0.0', /more than 0/], ['0.0000000000000000001', /At most 18 digits/], ['1.2.3', /no amount/],
  ]
  for (const [text, why] of bad) assert.match(parseAmount(text) as string, why, text)
})

test('what "All" types is read back to the last wei', () => {
  let seed = 7n
  for (let i = 0; i < 2000; i++) {
    seed = (seed * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n
    const wei = seed ** BigInt(1 + (i % 2)) + 1n
    assert.equal(parseAmount(exactAmount(wei)), wei)
  }
})

test('part', () => {
  assert.equal(part(1000n * token, 0.0825), (825n * token) / 10n)
  assert.equal(part(token, 0), 0n)
  assert.equal(part(token, 1), token)
})
