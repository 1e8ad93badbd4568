// What an account has: its positions, what is on its way out, and the four figures that people come for.
import { Fragment } from 'preact'

import { count, duration, money, percent, short } from '../format'
import { Identity, Money } from '../parts'
import type { Network, Orchestrator, Position, Staker, Staking, Unbonding } from '../views'
import { commissionOf, type Kind } from './actions'
import { Clock } from './clock'
import { sum, worstLoss, yieldOfAll } from './risk'
import { countdown, day, rate, when } from './words'

/** What a row's buttons ask for. */
export type Do = (kind: Kind, orchestrator: string, unbonding?: number) => void

interface Props {
  staker: Staker
  network: Network
  terms: Staking
  now: number
  act: Do
}

export function orchestratorOf(network: Network, id: string): Orchestrator | undefined {
  return network.orchestrators.find((o) => o.id.toLowerCase() === id.toLowerCase())
}

/** What do I have, what does it earn, when can I leave. */
export function Figures({ staker, network, terms, now }: Omit<Props, 'act'>) {
  const staked = sum(staker.positions, 'stakeWei')
  const earns = yieldOfAll(staker.positions, network.orchestrators)
  const leaving = staker.unbondings
  const next = leaving.find((u) => Date.parse(u.releaseAt) > now)
  const free = leaving.filter((u) => Date.parse(u.releaseAt) <= now)
  return (
    <dl class="figures" data-testid="figures">
      <Figure name="Staked" number={money(`${staked}`, '').trim()} unit={terms.token} word={withMany(staker.positions.length)} />
      <Figure name="Earns a year" number={earns === null ? (staked > 0n ? 'unknown' : '0 %') : rate(earns)} word={earns === null && staked > 0n ? 'no full round yet' : 'after slash risk, fees apart'} />
      <Figure name="Fees to claim" number={money(`${sum(staker.positions, 'feesWei')}`, terms.coin)} word="yours at any time" money />
      {free.length > 0 ? (
        <Figure name="Unlocked" number={money(`${sum(free, 'amountWei')}`, '').trim()} unit={terms.token} word="ready to withdraw" />
      ) : next ? (
        <Figure name="Next unlock in" number={countdown((Date.parse(next.releaseAt) - now) / 1000)} word={`${money(next.amountWei, terms.token)}, ${when(Date.parse(next.releaseAt))}`} />
      ) : (
        <Figure name="Leaving takes" number={duration(terms.unbondingSeconds)} word="from the day you unbond" />
      )}
    </dl>
  )
}

function withMany(n: number): string {
  if (n === 0) return 'with nobody yet'
  return n === 1 ? 'with one orchestrator' : `with ${n} orchestrators`
}

function Figure(props: { name: string; number: string; unit?: string; word: string; money?: boolean }) {
  return (
    <div class={props.money ? 'figure is-money' : 'figure'}>
      <dt>{props.name}</dt>
      <dd class="figure-number">
        {props.number} {props.unit && <span class="figure-unit">{props.unit}</span>}
      </dd>
      <dd class="figure-word">{props.word}</dd>
    </div>
  )
}

/** Stake at work. */
export function Positions({ staker, network, terms, now, act }: Props) {
  if (staker.positions.length === 0) return <Offers network={network} terms={terms} act={act} />
  return (
    <table class="stakes" data-testid="positions">
      <thead>
        <tr>
          <th>At work with</th>
          <th class="number">Stake <Unit text={terms.token} /></th>
          <th class="number">Yield after risk <Unit text="a year" /></th>
          <th class="number">Can lose <Unit text="in one slashing" /></th>
          <th class="number">Fees <Unit text="to claim" /></th>
          <th><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {staker.positions.map((p) => {
          const o = orchestratorOf(network, p.orchestrator)
          const id = o?.id ?? p.orchestrator
          const note = noteOf(o, p, network, terms, now)
          return (
            <Fragment key={p.orchestrator}>
              <tr data-testid={`position-${o?.name || p.orchestrator}`} class={note && 'has-note'}>
                <td data-name="At work with"><Identity id={id} name={o?.name ?? ''} /></td>
                <td class="number" data-name="Stake" title={`${p.stakeWei} wei`}><Amount wei={p.stakeWei} token={terms.token} /></td>
                <td class="number" data-name="Yield after risk">{o && o.yield.rounds > 0 ? rate(o.yield.afterRisk) : 'unknown'}</td>
                <td class="number" data-name="Can lose">{o ? rate(worstLoss(o, terms)) : 'unknown'}</td>
                <td class="number" data-name="Fees"><Money wei={p.feesWei || '0'} coin={terms.coin} /></td>
                <td class="row-acts">
                  <button type="button" onClick={() => act('delegate', id)}>Add</button>
                  <button type="button" onClick={() => act('move', id)}>Move</button>
                  <button type="button" onClick={() => act('unbond', id)}>Unbond</button>
                  <button type="button" onClick={() => act('claim', id)} disabled={BigInt(p.feesWei || '0') + commissionOf({ position: p }) === 0n}>Claim</button>
                </td>
              </tr>
              {note && (
                <tr class="note-row">
                  <td colSpan={6}>{note}</td>
                </tr>
              )}
            </Fragment>
          )
        })}
      </tbody>
    </table>
  )
}

/** What somebody with stake there should know. */
function noteOf(o: Orchestrator | undefined, p: Position, network: Network, terms: Staking, now: number): string {
  if (!o) return 'It is not in the registry as this broadcaster knows it.'
  const notes: string[] = []
  if (!o.active) notes.push('It is not in the active set: it earns nothing now. Move to another, or wait for it to come back.')
  if (p.tied && Date.parse(p.tied.until) > now) {
    const from = orchestratorOf(network, p.tied.from)
    notes.push(`${money(p.tied.amountWei, terms.token)} came from ${from?.name || short(p.tied.from)} and answer for it: they can leave from ${when(Date.parse(p.tied.until))} on.`)
  }
  const commission = commissionOf({ position: p })
  if (commission > 0n) notes.push(`It is yours: ${money(`${commission}`, terms.token)} of commission, your cut of rewards, wait to be claimed.`)
  if (o.announced) {
    notes.push(
      `From ${day(Date.parse(o.announced.effectiveAt))} it keeps ${percent(o.announced.rewardCut)} of rewards (now ${percent(o.cuts.rewardCut)}) ` +
        `and shares ${percent(o.announced.feeShare)} of fees (now ${percent(o.cuts.feeShare)}). You may leave until then.`,
    )
  }
  return notes.join(' ')
}

/** Whom one could stake behind. */
export function Offers({ network, terms, act }: Pick<Props, 'network' | 'terms' | 'act'>) {
  const list = network.orchestrators.filter((o) => o.active)
  if (list.length === 0) return <p class="quiet">Nobody is in the active set yet.</p>
  return (
    <table class="stakes" data-testid="offers">
      <thead>
        <tr>
          <th>At work</th>
          <th class="number">Stake <Unit text={terms.token} /></th>
          <th class="number">Verified <Unit text="segments" /></th>
          <th class="number">Yield after risk <Unit text="a year" /></th>
          <th class="number">Can lose <Unit text="in one slashing" /></th>
          <th><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {list.map((o) => (
          <tr key={o.id} data-testid={`offer-${o.name || o.id}`}>
            <td data-name="At work"><Identity id={o.id} name={o.name} /></td>
            <td class="number" data-name="Stake"><Amount wei={o.stakeWei} token={terms.token} /></td>
            <td class="number" data-name="Verified">{count(o.verifiedSegments)}</td>
            <td class="number" data-name="Yield after risk">{o.yield.rounds > 0 ? rate(o.yield.afterRisk) : 'unknown'}</td>
            <td class="number" data-name="Can lose">{rate(worstLoss(o, terms))}</td>
            <td class="row-acts">
              <button type="button" onClick={() => act('delegate', o.id)}>Delegate</button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Stake on its way out, each with its clock. */
export function Leaving({ staker, network, terms, now, act }: Props) {
  if (staker.unbondings.length === 0) return null
  return (
    <table class="stakes" data-testid="leaving">
      <thead>
        <tr>
          <th>Leaving</th>
          <th class="number">Amount <Unit text={terms.token} /></th>
          <th class="clock-cell">Unlocks in</th>
          <th><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {staker.unbondings.map((u: Unbonding) => {
          const o = orchestratorOf(network, u.orchestrator)
          const free = Date.parse(u.releaseAt) <= now
          return (
            <tr key={u.id} data-testid={`unbonding-${u.id}`}>
              <td data-name="Leaving"><Identity id={u.orchestrator} name={o?.name ?? ''} /></td>
              <td class="number" data-name="Amount" title={`${u.amountWei} wei`}><Amount wei={u.amountWei} token={terms.token} /></td>
              <td class="clock-cell"><Clock of={u} now={now} /></td>
              <td class="row-acts">
                <button type="button" onClick={() => act('rebond', u.orchestrator, u.id)}>Put back</button>
                <button type="button" onClick={() => act('withdraw', u.orchestrator, u.id)} disabled={!free}>Withdraw</button>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function Unit({ text }: { text: string }) {
  return <span class="unit">{text}</span>
}

/** An amount of the token; its unit stands in the header, where there is one. */
function Amount({ wei, token }: { wei: string; token: string }) {
  return (
    <span>
      {money(wei, '').trim()}
      <span class="narrow"> {token}</span>
    </span>
  )
}
