// The six things that a staker can do: what each sends to the chain, and what will come of it, in words. Everything here
// is pure.
import { encodeFunctionData, type Hex, maxUint256 } from 'viem'

import { duration, money, percent, plural } from '../format'
import type { Orchestrator, Position, Staking, Unbonding } from '../views'
import { stakingABI, tokenABI } from './abi'
import { part } from './amount'
import { free, worstLoss } from './risk'
import { day, rate, when } from './words'

export type Kind = 'delegate' | 'move' | 'unbond' | 'rebond' | 'withdraw' | 'claim'

export const kinds: Kind[] = ['delegate', 'move', 'unbond', 'rebond', 'withdraw', 'claim']

/** What somebody has chosen to do. */
export interface Choice {
  kind: Kind
  /** Whose pool it is about; for a move the one that is left. */
  at: Orchestrator
  /** Where a move goes. */
  to?: Orchestrator | undefined
  /** Of the token. Rebond, withdraw and claim take all there is. */
  amount: bigint
  position?: Position | undefined
  /** What the account has where a move goes. */
  target?: Position | undefined
  unbonding?: Unbonding | undefined
}

/** What the chain says of the account that would do it. */
export interface Account {
  address: Hex
  tokens: bigint
  coins: bigint
  allowance: bigint
  /** Wei for one unit of gas. */
  gasPrice: bigint
}

/** One transaction. */
export interface Step {
  gas: string // which of the terms' gas figures it is like
  label: string
  to: Hex
  data: Hex
}

/** The transactions that do it, in order. */
export function steps(c: Choice, terms: Staking, account: Account): Step[] {
  const staking = terms.stakingContract as Hex
  const call = (data: Hex): Step => ({ gas: c.kind, label: title(c, terms), to: staking, data })
  const at = c.at.id as Hex
  switch (c.kind) {
    case 'delegate': {
      const list = [call(encodeFunctionData({ abi: stakingABI, functionName: 'delegate', args: [at, c.amount] }))]
      if (account.allowance < c.amount) {
        list.unshift({
          gas: 'approve',
          label: `Allow the staking contract to take ${money(`${c.amount}`, terms.token)}`,
          to: terms.tokenContract as Hex,
          data: encodeFunctionData({ abi: tokenABI, functionName: 'approve', args: [staking, c.amount] }),
        })
      }
      return list
    }
    case 'move':
      return [call(encodeFunctionData({ abi: stakingABI, functionName: 'move', args: [at, (c.to ?? c.at).id as Hex, leaving(c)] }))]
    case 'unbond':
      return [call(encodeFunctionData({ abi: stakingABI, functionName: 'unbond', args: [at, leaving(c)] }))]
    case 'rebond':
      return [call(encodeFunctionData({ abi: stakingABI, functionName: 'rebond', args: [BigInt(c.unbonding?.id ?? 0)] }))]
    case 'withdraw':
      return [call(encodeFunctionData({ abi: stakingABI, functionName: 'withdraw', args: [BigInt(c.unbonding?.id ?? 0)] }))]
    case 'claim': {
      const list: Step[] = []
      if (feesOf(c) > 0n) list.push({ ...call(encodeFunctionData({ abi: stakingABI, functionName: 'claimFees', args: [at, account.address] })), label: `Claim ${money(`${feesOf(c)}`, terms.coin)} of fees` })
      if (commissionOf(c) > 0n) {
        const data = encodeFunctionData({ abi: stakingABI, functionName: 'claimCommission', args: [account.address] })
        list.push({ gas: 'commission', label: `Claim ${money(`${commissionOf(c)}`, terms.token)} of commission`, to: staking, data })
      }
      return list
    }
  }
}

/** The amount that leaves. All of a position is said as "all": emission may add to it before the transaction is in a block. */
function leaving(c: Choice): bigint {
  return c.amount === BigInt(c.position?.stakeWei ?? '0') ? maxUint256 : c.amount
}

const feesOf = (c: Choice) => BigInt(c.position?.feesWei || '0')

/** An owner's cut of rewards, which it claims with its fees. */
export const commissionOf = (c: Pick<Choice, 'position'>) => BigInt(c.position?.commissionWei || '0')

/** What a claim pays, in both coins. */
function claimed(c: Choice, terms: Staking): string {
  const fees = money(`${feesOf(c)}`, terms.coin)
  if (commissionOf(c) === 0n) return fees
  const commission = money(`${commissionOf(c)}`, terms.token)
  return feesOf(c) > 0n ? `${fees} and ${commission}` : commission
}

export function nameOf(o: Orchestrator): string {
  return o.name || `${o.id.slice(0, 6)}…${o.id.slice(-4)}`
}

/** The action as the words on its button. */
export function title(c: Choice, terms: Staking): string {
  const amount = money(`${c.amount}`, terms.token)
  const name = nameOf(c.at)
  switch (c.kind) {
    case 'delegate':
      return `Delegate ${amount} to ${name}`
    case 'move':
      return `Move ${amount} from ${name} to ${c.to ? nameOf(c.to) : 'another'}`
    case 'unbond':
      return `Unbond ${amount} from ${name}`
    case 'rebond':
      return `Put ${amount} back to work with ${name}`
    case 'withdraw':
      return `Withdraw ${amount}`
    case 'claim':
      return `Claim ${claimed(c, terms)} from ${name}`
  }
}

/** Why it cannot be done as it is chosen; empty where it can. Each says the next step. */
export function obstacle(c: Choice, terms: Staking, account: Account | null, chainNow: number): string {
  const have = free(c.position, chainNow)
  switch (c.kind) {
    case 'delegate':
      if (account && c.amount > account.tokens) {
        return `The wallet holds ${money(`${account.tokens}`, terms.token)}. Choose a smaller amount, or get more ${terms.token} first.`
      }
      break
    case 'move':
      if (!c.to) return 'Choose where the stake goes.'
      if (c.to.id === c.at.id) return 'Choose another orchestrator than the one that the stake is with.'
      if (isOwn(c, account)) return 'An owner cannot move its own stake. Unbond it instead.'
      if (account && c.to?.id.toLowerCase() === account.address.toLowerCase()) return 'Nothing moves into your own pool. Unbond it, and bond it there.'
      if (c.target?.tied && Date.parse(c.target.tied.until) > chainNow) {
        return `An earlier move to ${nameOf(c.to)} is not settled until ${when(Date.parse(c.target.tied.until))}. Move there after it, or to another.`
      }
      if (c.amount > have) return tooMuch(c, terms, have, chainNow)
      break
    case 'unbond':
      if (c.amount > have) return tooMuch(c, terms, have, chainNow)
      break
    case 'withdraw': {
      const left = (Date.parse(c.unbonding?.releaseAt ?? '') - chainNow) / 1000
      if (left > 0) return `It unlocks in ${duration(left)}. Until then it can be put back to work.`
      break
    }
    case 'claim':
      if (feesOf(c) === 0n && commissionOf(c) === 0n) return 'There are no fees to claim now. They come when a ticket is redeemed.'
      break
  }
  if (account && account.coins < cost(c, terms, account)) {
    return `The wallet holds ${money(`${account.coins}`, terms.coin)}, which does not pay for gas. Send some ${terms.coin} to it first.`
  }
  return ''
}

function tooMuch(c: Choice, terms: Staking, have: bigint, chainNow: number): string {
  const amount = (wei: bigint | string) => money(`${wei}`, terms.token)
  const tied = c.position?.tied
  if (!tied || Date.parse(tied.until) <= chainNow) return `${amount(have)} are with ${nameOf(c.at)}. Choose that or less.`
  return `${amount(tied.amountWei)} were moved to ${nameOf(c.at)} and can leave from ${when(Date.parse(tied.until))} on. ${have > 0n ? `Choose ${amount(have)} or less.` : 'Wait until then.'}`
}

function isOwn(c: Choice, account: Account | null): boolean {
  return account !== null && c.at.id.toLowerCase() === account.address.toLowerCase()
}

/** What the transactions cost, about, in wei. */
export function cost(c: Choice, terms: Staking, account: Account): bigint {
  const gas = steps(c, terms, account).reduce((all, s) => all + (terms.gas[s.gas] ?? 200_000), 0)
  return BigInt(gas) * account.gasPrice
}

/** One thing that will happen: what it is about, and what of it. */
export interface Line {
  about: string
  text: string
  tone?: 'bad' | 'money'
}

/** What will happen, in the order in which people ask. */
export function preview(c: Choice, terms: Staking, account: Account | null, chainNow: number): Line[] {
  const lines: Line[] = [...becomes(c, terms, chainNow)]
  const earner = c.kind === 'move' ? c.to : c.at
  if (earner && (c.kind === 'delegate' || c.kind === 'move' || c.kind === 'rebond')) lines.push(...prospects(c.amount, earner, terms))
  if (c.kind === 'unbond' && isOwn(c, account) && BigInt(c.position?.stakeWei ?? '0') - c.amount < BigInt(terms.minSelfStakeWei)) {
    lines.push({
      about: 'Your place',
      text: `is lost: your own stake falls below ${money(terms.minSelfStakeWei, terms.token)}, and your orchestrator and its delegators earn nothing any more`,
      tone: 'bad',
    })
  }
  if (account) {
    const many = steps(c, terms, account).length
    lines.push({ about: 'Costs', text: `about ${money(`${cost(c, terms, account)}`, terms.coin)} of gas, ${many === 1 ? 'one signature' : `${many} signatures`}` })
  }
  return lines
}

function becomes(c: Choice, terms: Staking, chainNow: number): Line[] {
  const amount = (wei: bigint) => money(`${wei}`, terms.token)
  const have = BigInt(c.position?.stakeWei ?? '0')
  const name = nameOf(c.at)
  const unlock = when(chainNow + terms.unbondingSeconds * 1000)
  const period = duration(terms.unbondingSeconds)
  switch (c.kind) {
    case 'delegate':
      return [
        { about: 'Stake', text: `${amount(have + c.amount)} with ${name}, at once` },
        { about: 'Leaving', text: `any time; it unlocks ${period} after you unbond` },
      ]
    case 'move':
      return [
        { about: 'Stake', text: `${amount(have - c.amount)} with ${name}, ${amount(c.amount)} more with ${c.to ? nameOf(c.to) : 'the other'}, at once` },
        { about: 'No gap', text: 'it earns on without a break' },
        { about: 'Until', text: `${unlock} it still answers for ${name}, and cannot leave ${c.to ? nameOf(c.to) : 'the other'}` },
      ]
    case 'unbond':
      return [
        { about: 'Unlocks', text: `in ${period}: ${unlock}` },
        { about: 'Until then', text: `it earns nothing and can still be slashed for what ${name} did; you may put it back to work any time` },
        { about: 'Stays', text: have - c.amount > 0n ? `${amount(have - c.amount)} with ${name}` : `nothing with ${name}; fees that you have earned stay yours to claim` },
      ]
    case 'rebond':
      return [{ about: 'Stake', text: `${amount(have + c.amount)} with ${name}, at once; the clock stops` }]
    case 'withdraw':
      return [{ about: 'You get', text: `${amount(c.amount)} in your wallet, at once` }]
    case 'claim':
      return [
        { about: 'You get', text: `${claimed(c, terms)} in your wallet, at once`, tone: 'money' },
        { about: 'Stake', text: 'stays as it is' },
      ]
  }
}

/** What stake behind an orchestrator may earn and lose in a year. */
function prospects(amount: bigint, o: Orchestrator, terms: Staking): Line[] {
  const lines: Line[] = []
  const y = o.yield
  if (y.rounds === 0) {
    lines.push({ about: 'May earn', text: `not known yet: ${nameOf(o)} has no finished round` })
  } else {
    const year = part(amount, Math.abs(y.afterRisk))
    const sign = y.afterRisk < 0 ? '−' : ''
    const fees = (BigInt(y.feesWei || '0') * amount) / (1000n * 10n ** 18n)
    lines.push({
      about: 'May earn',
      text:
        `about ${sign}${money(`${year}`, terms.token)} (${rate(y.afterRisk)}) a year after slash risk` +
        `${fees > 0n ? `, and ${money(`${fees}`, terms.coin)} of fees` : ', no fees'}, if all goes on as in ${plural(y.rounds, 'round')}`,
    })
  }
  const worst = worstLoss({ ...o, stakeWei: `${BigInt(o.stakeWei) + amount}` }, terms) // with it, the pool is larger
  lines.push({
    about: 'May lose',
    text:
      worst > 0
        ? `up to ${money(`${part(amount, worst)}`, terms.token)} (${rate(worst)}) each time ${nameOf(o)} is proven to lie`
        : `nothing in one slashing: ${nameOf(o)}'s own stake covers the worst`,
  })
  if (o.announced) {
    lines.push({
      about: 'Changes',
      text: `from ${day(Date.parse(o.announced.effectiveAt))} ${nameOf(o)} keeps ${percent(o.announced.rewardCut)} of rewards, shares ${percent(o.announced.feeShare)} of fees`,
    })
  }
  return lines
}
