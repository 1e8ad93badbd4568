// What stake may earn and lose. Everything here is pure.
import type { Orchestrator, Position, Staking } from '../views'

/**
 * The largest part of a delegator's stake that one slashing can take, 0 to 1. The worst offence costs slashPart of the
 * pool. The owner pays first, up to slashCap of its own stake, then all stake that is left, up to slashCap of it.
 */
export function worstLoss(o: Orchestrator, terms: Staking): number {
  const all = Number(o.stakeWei)
  const due = terms.slashPart * all
  const own = Math.min(due, terms.slashCap * Number(o.selfStakeWei))
  return all > own ? Math.min(terms.slashCap, (due - own) / (all - own)) : 0
}

/** What of a position may leave at a time: all but what was moved there a short while ago. */
export function free(p: Position | undefined, now: number): bigint {
  const all = BigInt(p?.stakeWei || '0')
  if (!p?.tied || Date.parse(p.tied.until) <= now) return all
  const left = all - BigInt(p.tied.amountWei)
  return left > 0n ? left : 0n
}

/** The yield of several positions together, weighted by stake: a part of it a year. Null where nothing is known. */
export function yieldOfAll(positions: Position[], orchestrators: Orchestrator[]): number | null {
  let stake = 0
  let earned = 0
  for (const p of positions) {
    const y = orchestrators.find((o) => o.id === p.orchestrator)?.yield
    if (!y || y.rounds === 0) continue
    stake += Number(p.stakeWei)
    earned += Number(p.stakeWei) * y.afterRisk
  }
  return stake > 0 ? earned / stake : null
}

export function sum(list: { [k in 'stakeWei' | 'feesWei' | 'amountWei']?: string }[], key: 'stakeWei' | 'feesWei' | 'amountWei'): bigint {
  return list.reduce((total, x) => total + BigInt(x[key] || '0'), 0n)
}
