import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeErrorResult } from 'viem'

import { stakingABI, tokenABI } from '../src/stake/abi'
import { declined, explain, explainLater, words } from '../src/stake/errors'
import type { Staking } from '../src/views'

const terms = { token: 'CAST', coin: 'ETH' } as Staking
const now = Date.parse('2026-11-20T12:00:00Z')
const plain = (text: string) => text.replaceAll('\u202f', ' ')

test('reverts are read wherever a wallet has put them', () => {
  const data = encodeErrorResult({ abi: stakingABI, errorName: 'InsufficientStake', args: [100n * 10n ** 18n, 50n * 10n ** 18n] })
  for (const e of [
    { code: 3, message: 'execution reverted', data },
    { code: -32603, message: 'Internal JSON-RPC error.', data: { code: 3, message: 'execution reverted', data } },
    { code: -32603, message: 'x', data: { originalError: { code: 3, data, message: 'execution reverted' } } },
    { message: 'x', error: { data } },
    Object.assign(new Error('x'), { cause: { data } }),
  ]) {
    assert.equal(explain(e, terms, now).error, 'Only 50.00 CAST are there.')
  }
})

test('the token refuses in words too', () => {
  const data = encodeErrorResult({ abi: tokenABI, errorName: 'ERC20InsufficientBalance', args: ['0x1111111111111111111111111111111111111111', 10n ** 18n, 2n * 10n ** 18n] })
  assert.equal(plain(explain({ data }, terms, now).error), 'The wallet holds 1.000 CAST, this needs 2.000 CAST.')
})

test('an unknown refusal is named as it is', () => {
  assert.match(explain({ data: '0xdeadbeef' }, terms, now).error, /refuses, with 0xdeadbeef/)
})

test('wallets and nodes', () => {
  const table: [unknown, RegExp][] = [
    [{ code: 4001, message: 'User rejected the request.' }, /You declined/],
    [{ code: -32002, message: 'Already processing' }, /waiting for your answer already/],
    [{ code: 4100, message: 'Unauthorized' }, /locked or offline/],
    [{ code: -32000, message: 'insufficient funds for gas * price + value' }, /too little ETH for gas/],
    [{ code: -32603, message: 'Internal error', data: { code: -32000, message: 'insufficient funds for transfer' } }, /too little ETH for gas/],
    [{ code: -32000, message: 'nonce too low' }, /in the way/],
    [new TypeError('Failed to fetch'), /does not answer/],
    [{ code: -1, message: 'strange' }, /The wallet said: strange/],
    [null, /The wallet said: nothing/],
    ['text', /The wallet said/],
  ]
  for (const [e, want] of table) {
    const said = explain(e, terms, now)
    assert.match(said.error, want)
    assert.notEqual(said.next, '', 'there is a next step')
  }
  assert.ok(declined({ code: 4001 }))
  assert.ok(!declined(null))
})

// What has to do with running an orchestrator, with governance or with a deployment; a staker's calls do not meet it. What
// neither is here nor has words fails: somebody must decide which it is.
const notForStakers = /^(Address|Access|ERC20|ECDSA|ERC1967|UUPS|Initial|NotInit|Invalid|Checkpoint|SafeCast|SafeERC20|StringTooLong|InvalidShortString|Already|NotActive|SelfStakeTooLow|SetFull|InJail|InsufficientBalance|Failed|VotesExpired|ReentrancyGuard)/

test('every refusal of the staking contract has words, or is none of a staker', () => {
  const silent = stakingABI.flatMap((e) => (e.type === 'error' && !(e.name in words) && !notForStakers.test(e.name) ? [e.name] : []))
  assert.deepEqual(silent, [])
  const known = [...stakingABI, ...tokenABI].flatMap((e) => (e.type === 'error' ? [e.name as string] : []))
  assert.deepEqual(Object.keys(words).filter((name) => !known.includes(name)), [], 'no words for errors that are gone')
})

test('a no to the second signature does not unsay the first', () => {
  assert.match(explainLater({ code: 4001 }, terms, now).error, /first step is done, the second was not sent/)
  assert.equal(explainLater({ code: -32002 }, terms, now).error, explain({ code: -32002 }, terms, now).error)
})
