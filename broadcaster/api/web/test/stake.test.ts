import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeFunctionData } from 'viem'

import { type Account, type Choice, obstacle, preview, steps, title } from '../src/stake/actions'
import { stakingABI, tokenABI } from '../src/stake/abi'
import { free, worstLoss, yieldOfAll } from '../src/stake/risk'
import { countdown, rate, when } from '../src/stake/words'
import type { Orchestrator, Staking } from '../src/views'

const token = 10n ** 18n
const day = 86_400_000
const now = Date.parse('2026-11-20T12:00:00Z')

const terms: Staking = {
  chainId: 1337, chainName: 'Castnet development chain', tokenContract: '0x7000000000000000000000000000000000000007',
  stakingContract: '0x5000000000000000000000000000000000000005', token: 'CAST', coin: 'ETH', unbondingSeconds: 7 * 86_400, roundSeconds: 86_400,
  slashPart: 0.05, slashCap: 0.1, minSelfStakeWei: `${1000n * token}`, gas: { approve: 50_000, delegate: 100_000, unbond: 120_000 },
}
const rosa = orchestrator('Rosa', '0x1111111111111111111111111111111111111111', 50_000n, 2_000n, 0.08)
const amos = orchestrator('Amos', '0x2222222222222222222222222222222222222222', 30_000n, 3_500n, -0.01)
const account: Account = { address: '0x9999999999999999999999999999999999999999', tokens: 500n * token, coins: token, allowance: 0n, gasPrice: 10n ** 9n }

function orchestrator(name: string, id: string, stake: bigint, own: bigint, afterRisk: number): Orchestrator {
  return {
    id, name, uri: '', stakeWei: `${stake * token}`, selfStakeWei: `${own * token}`, share: 0.5, active: true, streams: 0, verifiedSegments: 1, failures: 0,
    success: 1, priceWeiPerMpx: '1', redeemedWei: '0', health: 'good', note: '',
    cuts: { rewardCut: 0.05, feeShare: 0.9 }, announced: null,
    yield: { rounds: 30, emission: afterRisk + 0.004, slashRisk: 0.004, afterRisk, feesWei: `${token / 2n}` },
  }
}

const held = { orchestrator: rosa.id, stakeWei: `${100n * token}`, feesWei: `${token / 100n}`, tied: null }
const choose = (c: Partial<Choice>): Choice => ({ kind: 'delegate', at: rosa, amount: 10n * token, ...c })

test('a delegation asks for exactly what it needs, and only where it is not allowed yet', () => {
  const twice = steps(choose({}), terms, account)
  assert.deepEqual(twice.map((s) => s.to), [terms.tokenContract, terms.stakingContract])
  assert.deepEqual(decodeFunctionData({ abi: tokenABI, data: twice[0]!.data }).args, [terms.stakingContract, 10n * token])
  assert.deepEqual(decodeFunctionData({ abi: stakingABI, data: twice[1]!.data }), { functionName: 'delegate', args: [rosa.id, 10n * token] })
  assert.equal(steps(choose({}), terms, { ...account, allowance: 10n * token }).length, 1)
  assert.equal(title(choose({}), terms), 'Delegate 10.00 CAST to Rosa')
})

test('worst loss: the owner pays first, nobody more than the cap', () => {
  const near = (got: number, want: number) => assert.ok(Math.abs(got - want) < 1e-12, `${got}`)
  near(worstLoss(rosa, terms), (2500 - 200) / (50_000 - 200))
  near(worstLoss(rosa, { ...terms, slashPart: 0.5 }), 0.1)
  near(worstLoss(orchestrator('Solo', '0x3', 10n, 10n, 0), { ...terms, slashPart: 0.1 }), 0)
  near(worstLoss(orchestrator('Bare', '0x4', 10n, 0n, 0), { ...terms, slashPart: 1, slashCap: 1 }), 1)
  near(worstLoss(orchestrator('Empty', '0x5', 0n, 0n, 0), terms), 0)
})

test('what was moved a short while ago stays', () => {
  const tied = { ...held, tied: { from: amos.id, amountWei: `${40n * token}`, until: new Date(now + day).toISOString() } }
  assert.equal(free(tied, now), 60n * token)
  assert.equal(free(tied, now + 2 * day), 100n * token)
  assert.equal(free(undefined, now), 0n)
  const all = { kind: 'unbond', at: rosa, amount: 100n * token, position: tied } as const
  assert.match(obstacle(all, terms, account, now), /40\.00 CAST were moved to Rosa and can leave from .* on\. Choose 60\.00 CAST or less/)
  assert.equal(obstacle(all, terms, account, now + 2 * day), '')
  assert.deepEqual(decodeFunctionData({ abi: stakingABI, data: steps(all, terms, account)[0]!.data }).args, [rosa.id, 2n ** 256n - 1n], 'all is said as all')
  assert.match(obstacle({ kind: 'move', at: amos, to: rosa, target: tied, amount: token, position: { ...held, orchestrator: amos.id } }, terms, account, now), /earlier move to Rosa/)
})

test('yields weigh by stake', () => {
  const all = yieldOfAll([held, { ...held, orchestrator: amos.id, stakeWei: `${300n * token}` }], [rosa, amos])
  assert.ok(Math.abs((all ?? 0) - (100 * 0.08 - 300 * 0.01) / 400) < 1e-12)
  assert.equal(yieldOfAll([], [rosa]), null)
})

test('what stands in the way is said before anybody signs', () => {
  const table: [Partial<Choice>, Account, RegExp | ''][] = [
    [{}, account, ''],
    [{ amount: 501n * token }, account, /holds 500\.0 CAST/],
    [{}, { ...account, coins: 10n }, /does not pay for gas/],
    [{ kind: 'move', position: held }, account, /Choose where/],
    [{ kind: 'move', position: held, to: rosa }, account, /another orchestrator/],
    [{ kind: 'move', position: held, to: amos }, account, ''],
    [{ kind: 'move', position: held, to: amos, amount: 101n * token }, account, /100\.0 CAST are with Rosa/],
    [{ kind: 'unbond', position: held, amount: 101n * token }, account, /100\.0 CAST are with Rosa/],
    [{ kind: 'claim', position: { ...held, feesWei: '0' } }, account, /no fees/],
    [{ kind: 'withdraw', unbonding: unbonding(2 * day) }, account, /unlocks in 2 days/],
    [{ kind: 'withdraw', unbonding: unbonding(-1) }, account, ''],
  ]
  for (const [c, a, want] of table) {
    const said = obstacle(choose(c), terms, a, now)
    if (want === '') assert.equal(said, '', JSON.stringify(c.kind))
    else assert.match(said, want)
  }
})

function unbonding(left: number) {
  return { id: 3, orchestrator: rosa.id, amountWei: `${5n * token}`, begunAt: new Date(now - day).toISOString(), releaseAt: new Date(now + left).toISOString() }
}

test('previews say what it earns, what it can lose, when it unlocks and what it costs', () => {
  const said = (c: Partial<Choice>) => preview(choose(c), terms, account, now).map((l) => `${l.about}: ${l.text}`).join('\n').replaceAll('\u202f', ' ')
  const delegate = said({ position: held })
  assert.match(delegate, /Stake: 110\.0 CAST with Rosa, at once/)
  assert.match(delegate, /May earn: about 0\.8000 CAST \(8\.00 %\) a year after slash risk, and 0\.005000 ETH of fees, if all goes on as in 30 rounds/)
  assert.match(delegate, /May lose: up to 0\.4619 CAST \(4\.62 %\) each time Rosa is proven to lie/)
  assert.match(delegate, /Leaving: any time; it unlocks 7 days after you unbond/)
  assert.match(delegate, /Costs: about 0\.0001500 ETH of gas, 2 signatures/)
  const moved = said({ kind: 'move', position: held, to: amos })
  assert.match(moved, /90\.00 CAST with Rosa, 10\.00 CAST more with Amos/)
  assert.match(moved, /about −0\.1000 CAST \(−1\.00 %\) a year/)
  assert.match(moved, /Until: .* still answers for Rosa, and cannot leave Amos/)
  assert.match(said({ kind: 'unbond', position: held }), /Unlocks: in 7 days: .*\n.*earns nothing and can still be slashed/)
  assert.match(said({ kind: 'unbond', position: held, amount: 100n * token }), /nothing with Rosa/)
  const warned = { ...rosa, announced: { rewardCut: 0.1, feeShare: 0.8, announcedAt: '2026-11-18T00:00:00Z', effectiveAt: '2026-11-25T00:00:00Z' } }
  assert.match(said({ at: warned }), /Changes: from .* Nov.* Rosa keeps 10\.0 % of rewards, shares 80\.0 % of fees/)
})

test('words', () => {
  assert.equal(rate(0.0821), '8.21 %')
  assert.equal(rate(-0.004), '−0.40 %')
  assert.equal(countdown(7 * 86_400), '7 d 0 h')
  assert.equal(countdown(3700), '1 h 1 min')
  assert.equal(countdown(61.2), '1 min 2 s')
  assert.equal(countdown(0.2), '1 s', 'never 0 before the time has come')
  assert.match(when(now), /^Fri,? 20 Nov, \d\d:00$/)
})

test('an owner claims its commission with its fees, and is told what leaving costs it', () => {
  const owner: Account = { ...account, address: rosa.id as `0x${string}` }
  const own = { ...held, commissionWei: `${3n * token}` }
  const claim = choose({ kind: 'claim', position: own })
  const names = (c: Choice) => steps(c, terms, owner).map((s) => decodeFunctionData({ abi: stakingABI, data: s.data }).functionName)
  assert.deepEqual(names(claim), ['claimFees', 'claimCommission'])
  assert.deepEqual(names(choose({ kind: 'claim', position: { ...own, feesWei: '0' } })), ['claimCommission'])
  assert.deepEqual(names(choose({ kind: 'claim', position: held })), ['claimFees'])
  assert.match(title(claim, terms), /^Claim \S+ ETH and 3\.000 CAST from Rosa$/)
  assert.equal(obstacle(choose({ kind: 'claim', position: { ...own, feesWei: '0' } }), terms, owner, now), '')
  const lines = (amount: bigint, who: Account) => preview(choose({ kind: 'unbond', amount, position: { ...held, stakeWei: `${1500n * token}` } }), terms, who, now)
  assert.ok(lines(501n * token, owner).some((l) => /Your place/.test(l.about) && /falls below 1.000 CAST/.test(l.text)))
  assert.ok(!lines(500n * token, owner).some((l) => /Your place/.test(l.about)))
  assert.ok(!lines(501n * token, account).some((l) => /Your place/.test(l.about)), 'a delegator has no place to lose')
})
