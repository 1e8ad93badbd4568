// The record of one orchestrator: what it earned for its stakers round by round, what it kept, and where it lied.
import { Bars } from './chart'
import { useResource } from './data'
import { count, money, percent, significant } from './format'
import { Money } from './parts'
import { worstLoss } from './stake/risk'
import { rate, when } from './stake/words'
import type { Network, Orchestrator, OrchestratorRecord, Round, Staking } from './views'

export function Record({ of: o, network, chainNow }: { of: Orchestrator; network: Network; chainNow: number }) {
  const { data, problem } = useResource<OrchestratorRecord>(`/api/v1/orchestrators/${o.id}`, network.round)
  const terms = useResource<Staking>('/api/v1/staking', 0).data
  const name = o.name || o.id
  return (
    <section id="record" class="record" aria-label={`Record of ${name}`} data-testid="record">
      <div class="record-head">
        <h2>{name}</h2>
        <a class="button" href={`/stake?do=delegate&with=${o.id}`}>
          Delegate to {o.name || 'it'}
        </a>
      </div>
      {problem && !data ? (
        <p>
          {problem.error} <span class="quiet">{problem.next}</span>
        </p>
      ) : (
        <div class="record-body">
          <Trust o={o} coin={network.chain.coin} terms={terms} />
          <Earnings rounds={data?.rounds ?? []} coin={network.chain.coin} token={terms?.token ?? 'CAST'} />
          <Past record={data} now={chainNow} token={terms?.token ?? 'CAST'} />
        </div>
      )}
    </section>
  )
}

function Trust({ o, coin, terms }: { o: Orchestrator; coin: string; terms: Staking | null }) {
  const token = terms?.token ?? 'CAST'
  return (
    <div>
      <h3>Can I trust it</h3>
      <dl class="facts">
        <div><dt>Stake</dt><dd>{money(o.stakeWei, token)}, {percent(o.share)} of all</dd></div>
        <div><dt>Of it its own</dt><dd>{money(o.selfStakeWei, token)}</dd></div>
        <div><dt>Worst slashing</dt><dd>{terms ? `${rate(worstLoss(o, terms))} of a delegator's stake` : '\u00a0'}</dd></div>
        <div><dt>Failed segments</dt><dd>{count(o.failures)} of {count(o.failures + o.verifiedSegments)}</dd></div>
        <div><dt>Tickets redeemed</dt><dd><Money wei={o.redeemedWei} coin={coin} /></dd></div>
        <div><dt>Reached at</dt><dd class="hash">{o.uri || 'nowhere'}</dd></div>
      </dl>
      <h3>What a year brings</h3>
      {o.yield.rounds === 0 ? (
        <p class="quiet">Nothing is known before its first full round.</p>
      ) : (
        <dl class="facts">
          <div><dt>New stake</dt><dd>{rate(o.yield.emission)}</dd></div>
          <div><dt>Slash risk</dt><dd>{rate(-o.yield.slashRisk)}</dd></div>
          <div><dt>Together</dt><dd><strong>{rate(o.yield.afterRisk)}</strong></dd></div>
          <div><dt>Fees apart</dt><dd><Money wei={o.yield.feesWei} coin={coin} /> for 1{'\u202f'}000 {token}</dd></div>
          <div><dt>Measured over</dt><dd>{count(o.yield.rounds)} rounds</dd></div>
        </dl>
      )}
    </div>
  )
}

/** What each round brought, for 1,000 of the token, so that rounds with different stake compare. */
function Earnings({ rounds, coin, token }: { rounds: Round[]; coin: string; token: string }) {
  const per = (amount: string, r: Round) => (BigInt(r.stakeWei || '0') === 0n ? 0 : (Number(amount) / Number(r.stakeWei)) * 1000)
  const names = rounds.map((r) => `round ${r.round}`)
  const figure = (v: number) => (v === 0 ? '0' : significant(BigInt(Math.round(v * 1e9)), 9))
  if (rounds.length === 0) {
    return (
      <div>
        <h3>Earned each round</h3>
        <p class="quiet">No full round yet.</p>
      </div>
    )
  }
  return (
    <div>
      <h3>Earned each round by 1{'\u202f'}000 {token}</h3>
      <Bars label="New stake" unit={token} values={rounds.map((r) => per(r.emissionWei, r))} names={names} show={figure} />
      <Bars label="Fees" unit={`µ${coin}`} tone="money" values={rounds.map((r) => per(r.feesWei, r) * 1e6)} names={names} show={figure} />
    </div>
  )
}

function Past({ record, now, token }: { record: OrchestratorRecord | null; now: number; token: string }) {
  const slashes = record?.slashes ?? []
  return (
    <div>
      <h3>What it keeps</h3>
      <table class="plain" data-testid="cuts">
        <thead>
          <tr>
            <th>From</th>
            <th class="number">keeps of rewards</th>
            <th class="number">shares of fees</th>
          </tr>
        </thead>
        <tbody>
          {(record?.cuts ?? []).map((c) => {
            const ahead = Date.parse(c.effectiveAt) > now
            return (
              <tr key={c.effectiveAt} class={ahead ? 'is-ahead' : ''}>
                <td title={`announced ${new Date(c.announcedAt).toLocaleString()}`}>
                  {when(Date.parse(c.effectiveAt))}
                  {ahead && <span class="quiet"> announced</span>}
                </td>
                <td class="number">{percent(c.rewardCut)}</td>
                <td class="number">{percent(c.feeShare)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <h3>Slashed</h3>
      {slashes.length === 0 ? (
        <p class="quiet">Never: no lie was proven.</p>
      ) : (
        <table class="plain" data-testid="slashes">
          <thead>
            <tr>
              <th>When</th>
              <th class="number">{token} in all</th>
              <th class="number">of it its own</th>
              <th class="number">in block</th>
            </tr>
          </thead>
          <tbody>
            {slashes.map((s) => (
              <tr key={`${s.block} ${s.amountWei}`}>
                <td>{when(Date.parse(s.at))}</td>
                <td class="number bad">{money(s.amountWei, '').trim()}</td>
                <td class="number">{money(s.ownerWei, '').trim()}</td>
                <td class="number">{count(s.block)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
