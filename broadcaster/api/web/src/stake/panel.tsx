// The panel where something is done: choose, read what will happen, sign.
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

import { money } from '../format'
import { setQueries, useQuery } from '../url'
import type { Network, Problem, Staker, Staking } from '../views'
import { type Account, type Choice, type Kind, kinds, nameOf, obstacle, preview, steps, title } from './actions'
import { exactAmount, parseAmount } from './amount'
import { orchestratorOf } from './positions'
import { free } from './risk'
import { type Progress, useRun } from './run'
import type { Wallet } from './wallet'
import { rate } from './words'

interface Props {
  staker: Staker
  network: Network
  terms: Staking
  wallet: Wallet | null
  account: Account | null
  /** Why nothing can be signed now, with the way out of it; null where it can. */
  gate: ComponentChildren | null
  chainNow: () => number
  settled: (block: number) => void
}

const verbs: Record<Kind, string> = {
  delegate: 'Delegate', move: 'Move', unbond: 'Unbond', rebond: 'Put back to work', withdraw: 'Withdraw', claim: 'Claim',
}

export function Panel(props: Props) {
  const { staker, terms, wallet, account, gate, chainNow, settled } = props
  const query = useQuery()
  const kind = kinds.find((k) => k === query.get('do')) ?? 'delegate'
  const typed = useTyped(`${kind} ${query.get('with')} ${query.get('id')}`)
  const { progress, run, forget, busy } = useRun(settled)
  const panel = useRef<HTMLElement>(null)
  const type = (text: string) => {
    forget()
    typed.set(text)
  }
  // What is done is not offered a second time.
  useEffect(() => {
    if (progress?.phase === 'done') typed.set('')
  }, [progress?.phase])
  const subject = `${kind} ${query.get('with')} ${query.get('to')} ${query.get('id')}`
  useEffect(() => {
    forget()
    // On a phone the panel is below what was clicked.
    if (query.get('do') && panel.current && panel.current.getBoundingClientRect().top > window.innerHeight - 160) panel.current.scrollIntoView({ block: 'start' })
  }, [subject])

  const parsed = parseAmount(typed.text)
  const choice = chosen(kind, query, props, typeof parsed === 'bigint' ? parsed : 0n)
  const withAmount = kind === 'delegate' || kind === 'move' || kind === 'unbond'
  const untyped = withAmount && typed.text === ''
  const amountProblem = withAmount && !untyped && typeof parsed === 'string' ? parsed : ''
  const stop = choice && !untyped && !amountProblem ? obstacle(choice, terms, account, chainNow()) : ''
  const ready = choice !== null && !untyped && !amountProblem && !stop
  const most = kind === 'delegate' ? account?.tokens : free(choice?.position, chainNow())

  return (
    <section class="panel" ref={panel} aria-label={verbs[kind]} data-testid="panel">
      <h2>{verbs[kind]}</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          if (ready && wallet && !gate && choice) void run(choice, terms, wallet, chainNow)
        }}
      >
        <Fields kind={kind} props={props} choice={choice} disabled={busy} />
        {withAmount && (
          <Amount text={typed.text} set={type} most={most} token={terms.token} problem={amountProblem || stop} disabled={busy} kind={kind} />
        )}
        {choice && ready && !progress && (
          <dl class="preview" data-testid="preview">
            {preview(choice, terms, account, chainNow()).map((l) => (
              <div key={l.about}>
                <dt>{l.about}</dt>
                <dd class={l.tone ?? ''}>{l.text}</dd>
              </div>
            ))}
          </dl>
        )}
        {choice && !withAmount && stop && !progress && <p class="field-problem" role="alert">{stop}</p>}
        {!choice && !progress && <p class="quiet">{missing(kind, staker)}</p>}
        {progress && <Steps progress={progress} coin={terms.coin} />}
        {gate ?? (
          <button type="submit" class="primary" disabled={!ready || busy} data-testid="go">
            {choice && ready ? title(choice, terms) : verbs[kind]}
          </button>
        )}
        {!progress && choice && ready && account && steps(choice, terms, account).length > 1 && (
          <p class="quiet small">
            {kind === 'claim' ? 'The wallet asks twice: for the fees and for the commission.' : 'The wallet asks twice: first to let the staking contract take exactly this amount, then to delegate it.'}
          </p>
        )}
      </form>
    </section>
  )
}

/** The text of the amount; it begins empty when something else is chosen. */
function useTyped(subject: string) {
  const [typed, setTyped] = useState({ subject, text: '' })
  return { text: typed.subject === subject ? typed.text : '', set: (text: string) => setTyped({ subject, text }) }
}

function chosen(kind: Kind, query: URLSearchParams, { staker, network }: Props, typed: bigint): Choice | null {
  const find = (id: string | null) => (id ? orchestratorOf(network, id) : undefined)
  const position = (id: string) => staker.positions.find((p) => p.orchestrator.toLowerCase() === id.toLowerCase())
  switch (kind) {
    case 'delegate': {
      const at = find(query.get('with')) ?? network.orchestrators[0]
      return at ? { kind, at, amount: typed, position: position(at.id) } : null
    }
    case 'rebond':
    case 'withdraw': {
      const unbonding = staker.unbondings.find((u) => `${u.id}` === query.get('id'))
      const at = unbonding && find(unbonding.orchestrator)
      return at ? { kind, at, unbonding, amount: BigInt(unbonding.amountWei), position: position(at.id) } : null
    }
    default: {
      const at = find(query.get('with')) ?? find(staker.positions[0]?.orchestrator ?? null)
      const held = at && position(at.id)
      if (!at || !held) return null
      const to = find(query.get('to'))
      return { kind, at, to, target: to && position(to.id), amount: kind === 'claim' ? BigInt(held.feesWei || '0') : typed, position: held }
    }
  }
}

function missing(kind: Kind, staker: Staker): string {
  if (kind === 'delegate') return 'Nobody is registered to delegate to yet.'
  if (kind === 'rebond' || kind === 'withdraw') return 'This stake is not on its way out any more.'
  return staker.positions.length === 0 ? 'There is no stake at work. Delegate some first.' : 'Choose one of your positions.'
}

/** Whose pool it is about. */
function Fields({ kind, props, choice, disabled }: { kind: Kind; props: Props; choice: Choice | null; disabled: boolean }) {
  const { network, staker, terms } = props
  const option = (id: string, more: string) => {
    const o = orchestratorOf(network, id)
    return { id: o?.id ?? id, text: `${o ? nameOf(o) : id}${more}` }
  }
  const everybody = network.orchestrators.filter((o) => o.active).map((o) => option(o.id, o.yield.rounds > 0 ? `, ${rate(o.yield.afterRisk)} a year` : ''))
  const mine = staker.positions.map((p) => option(p.orchestrator, `, ${money(p.stakeWei, terms.token)}`))
  switch (kind) {
    case 'delegate':
      return <Pick name="To" param="with" value={choice?.at.id} options={everybody} disabled={disabled} />
    case 'move':
      return (
        <>
          <Pick name="From" param="with" value={choice?.at.id} options={mine} disabled={disabled} />
          <Pick name="To" param="to" value={choice?.to?.id} options={everybody.filter((o) => o.id !== choice?.at.id)} disabled={disabled} empty="Choose where to" />
        </>
      )
    case 'unbond':
    case 'claim':
      return <Pick name="From" param="with" value={choice?.at.id} options={mine} disabled={disabled} />
    default:
      return choice && <p>{title(choice, terms)}.</p>
  }
}

function Pick(props: { name: string; param: string; value: string | undefined; options: { id: string; text: string }[]; disabled: boolean; empty?: string }) {
  const { name, param, value, options, disabled, empty } = props
  return (
    <label class="field">
      <span>{name}</span>
      <select value={value ?? ''} disabled={disabled} data-testid={`pick-${name.toLowerCase()}`} onChange={(e) => setQueries({ [param]: e.currentTarget.value || null })}>
        {(empty || value === undefined) && <option value="">{empty ?? 'Choose'}</option>}
        {options.map((o) => (
          <option key={o.id} value={o.id}>
            {o.text}
          </option>
        ))}
      </select>
    </label>
  )
}

function Amount(props: { text: string; set: (t: string) => void; most: bigint | undefined; token: string; problem: string; disabled: boolean; kind: Kind }) {
  const { text, set, most, token, problem, disabled, kind } = props
  const id = useId()
  return (
    <div class="field">
      <label for={id}>Amount</label>
      <div class={`amount ${problem ? 'is-wrong' : ''}`}>
        <input
          id={id}
          data-testid="amount"
          inputMode="decimal"
          autoComplete="off"
          value={text}
          disabled={disabled}
          aria-invalid={problem !== ''}
          aria-describedby={`${id}-note`}
          onInput={(e) => set(e.currentTarget.value)}
        />
        <span class="amount-unit">{token}</span>
        <button type="button" disabled={disabled || !most} onClick={() => set(exactAmount(most ?? 0n))}>
          All
        </button>
      </div>
      <p id={`${id}-note`} class={problem ? 'field-problem' : 'field-note'} role={problem ? 'alert' : undefined}>
        {problem || (most === undefined ? '\u00a0' : `${money(`${most}`, token)} ${kind === 'delegate' ? 'in the wallet' : 'can leave'}`)}
      </p>
    </div>
  )
}

/** How far it is, and what went wrong. */
function Steps({ progress: p, coin }: { progress: Progress; coin: string }) {
  const word = (i: number): string => {
    if (i < p.at) return 'done'
    if (i > p.at) return 'next'
    if (p.problem) return 'stopped'
    return { waits: 'next', checking: 'checking', signing: 'sign it in your wallet', pending: 'waits for a block', done: 'done' }[p.phase]
  }
  return (
    <div class="progress" data-testid="progress" role="status">
      <ol>
        {p.labels.map((label, i) => (
          <li key={label} class={i < p.at ? 'is-done' : i === p.at ? (p.problem ? 'is-bad' : 'is-now') : ''}>
            <span class="step-label">{label}</span> <span class="step-word">{word(i)}</span>
          </li>
        ))}
      </ol>
      {p.labels.length === 0 && !p.problem && <p class="quiet">Checking what the chain says now.</p>}
      {p.problem && <Said problem={p.problem} />}
      {p.phase === 'done' && (
        <p data-testid="done">
          Done in block {p.block}. It cost <span class="money">{money(`${p.cost}`, coin)}</span>.
        </p>
      )}
    </div>
  )
}

function Said({ problem }: { problem: Problem }) {
  return (
    <p class="said" data-testid="problem" role="alert">
      <strong>{problem.error}</strong> {problem.next}
    </p>
  )
}
