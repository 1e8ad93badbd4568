// The clock of an unbonding: a line from the day it began to the day it unlocks, and how far it is.
import type { Unbonding } from '../views'
import { countdown, when } from './words'

export function Clock({ of: u, now }: { of: Unbonding; now: number }) {
  const begun = Date.parse(u.begunAt)
  const ends = Date.parse(u.releaseAt)
  const left = (ends - now) / 1000
  const done = left <= 0
  const passed = done || ends <= begun ? 1 : Math.min(1, Math.max(0, (now - begun) / (ends - begun)))
  return (
    <div class={`clock ${done ? 'is-done' : ''}`} data-testid={`clock-${u.id}`}>
      <div class="clock-words">
        <strong>{done ? 'Unlocked' : countdown(left)}</strong>
        <time class="quiet" dateTime={u.releaseAt} title={`began ${new Date(begun).toLocaleString()}`}>
          {done ? 'since ' : 'until '}
          {when(ends)}
        </time>
      </div>
      <div class="clock-line" role="img" aria-label={done ? 'The time has passed' : `${Math.floor(passed * 100)} % of the time has passed`}>
        <span class="clock-passed" style={{ width: `${passed * 100}%` }} />
        <span class="clock-hand" style={{ left: `${passed * 100}%` }} />
      </div>
    </div>
  )
}
