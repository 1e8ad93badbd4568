// Network: who does the work, can I trust them.
import { useFeed, useNow } from './feed'
import { count, money, percent, short } from './format'
import { Ago, Identity, Money, Warnings } from './parts'
import { Record } from './record'
import { Shell } from './shell'
import { day, rate } from './stake/words'
import { type Column, Table } from './table'
import { setQuery, useQuery } from './url'
import type { Network, Orchestrator } from './views'

/** The token that orchestrators stake. */
const token = 'CAST'

function columns(coin: string, open: string | null): Column<Orchestrator>[] {
  return [
    { id: 'name', name: 'Orchestrator', text: true, by: (o) => o.name || o.id, show: (o) => <Name o={o} open={open === o.id} /> },
    { id: 'verified', name: 'Verified', unit: 'segments', by: (o) => o.verifiedSegments, show: (o) => count(o.verifiedSegments) },
    { id: 'success', name: 'Success', unit: 'recent', by: (o) => o.success, show: (o) => (o.success < 0 ? 'unknown' : percent(o.success)) },
    { id: 'price', name: 'Price', unit: 'a megapixel', by: (o) => wei(o.priceWeiPerMpx), show: (o) => <Money wei={o.priceWeiPerMpx} coin={coin} /> },
    { id: 'stake', name: 'Stake', unit: token, by: (o) => wei(o.stakeWei), show: (o) => <span title={`${o.stakeWei} wei`}>{money(o.stakeWei, '').trim()}</span> },
    { id: 'keeps', name: 'Keeps', unit: 'of rewards', by: (o) => o.cuts.rewardCut, show: (o) => <Cut now={o.cuts.rewardCut} then={o.announced?.rewardCut} at={o.announced?.effectiveAt} /> },
    { id: 'shares', name: 'Shares', unit: 'of fees', by: (o) => o.cuts.feeShare, show: (o) => <Cut now={o.cuts.feeShare} then={o.announced?.feeShare} at={o.announced?.effectiveAt} /> },
    { id: 'yield', name: 'Yield after risk', unit: 'a year', by: (o) => (o.yield.rounds > 0 ? o.yield.afterRisk : -2), show: (o) => (o.yield.rounds > 0 ? rate(o.yield.afterRisk) : 'unknown') },
    { id: 'fees', name: 'Fees', unit: `1\u202f000 ${token} a year`, by: (o) => wei(o.yield.feesWei), show: (o) => <Money wei={o.yield.rounds > 0 ? o.yield.feesWei : ''} coin={coin} /> },
    { id: 'state', name: 'State', text: true, by: (o) => stateOf(o), show: (o) => <span class={o.streams > 0 ? 'health good' : 'health'}>{stateOf(o)}</span> },
  ]
}

function wei(amount: string): bigint {
  return amount === '' ? -1n : BigInt(amount)
}

function stateOf(o: Orchestrator): string {
  if (!o.active) return 'not in the set'
  if (o.health === 'bad') return 'left alone'
  if (o.streams > 0) return o.streams === 1 ? 'serves 1 stream' : `serves ${o.streams} streams`
  return 'ready'
}

/** Opens and closes the record of an orchestrator. */
function Name({ o, open }: { o: Orchestrator; open: boolean }) {
  return (
    <span class="opens">
      <button type="button" aria-expanded={open} aria-controls="record" onClick={() => setQuery('open', open ? null : o.id)}>
        {o.name || short(o.id)}
      </button>
      {o.name && <Identity id={o.id} name="" />}
    </span>
  )
}

/** A cut, and what it is about to become. */
function Cut({ now, then, at }: { now: number; then?: number | undefined; at?: string | undefined }) {
  if (then === undefined || at === undefined || then === now) return <>{percent(now)}</>
  return (
    <span class="becomes">
      {percent(now)}
      <span class="becomes-then" title={new Date(at).toLocaleString()}>
        {percent(then)} on {day(Date.parse(at))}
      </span>
    </span>
  )
}

/** Everybody who works, sortable, and the money that stands behind the work. */
export function NetworkPage() {
  const feed = useFeed('/api/v1/events')
  const network = feed.network
  const open = useQuery().get('open')
  const opened = network?.orchestrators.find((o) => o.id === open)
  return (
    <Shell feed={feed} page="network" title="Network">
      <main class="network">
        <h1>{network ? headline(network) : '\u00a0'}</h1>
        {network?.chain.problem && (
          <Warnings list={[{ text: `The chain does not answer: ${network.chain.problem}.`, next: 'Figures from the chain are the last known.' }]} />
        )}
        {network && <Warnings list={network.broadcaster.warnings} />}
        {network && (
          <div>
            <Orchestrators network={network} open={open} />
            {opened && <Record key={opened.id} of={opened} network={network} chainNow={Date.now() + feed.chainOffset} />}
            <Notes list={network.orchestrators} />
          </div>
        )}
        {network && <Ground network={network} offset={feed.clockOffset} />}
      </main>
    </Shell>
  )
}

function headline({ orchestrators }: Network): string {
  if (orchestrators.length === 0) return 'No orchestrator is registered'
  const active = orchestrators.filter((o) => o.active).length
  const segments = orchestrators.reduce((sum, o) => sum + o.verifiedSegments, 0)
  return `${active} ${active === 1 ? 'orchestrator works' : 'orchestrators work'} here, ${count(segments)} segments verified`
}

function Orchestrators({ network, open }: { network: Network; open: string | null }) {
  if (network.orchestrators.length === 0) {
    return <p class="quiet">An orchestrator that stakes {token} and posts its address appears here within one round.</p>
  }
  return (
    <Table
      label="Orchestrators"
      columns={columns(network.chain.coin, open)}
      rows={network.orchestrators}
      sort="verified"
      keyOf={(o) => o.id}
      testid={(o) => `orchestrator-${o.name || o.id}`}
      open={open}
    />
  )
}

/** What there is to say of single orchestrators, in words. */
function Notes({ list }: { list: Orchestrator[] }) {
  return (
    <ul class="notes quiet" data-testid="notes">
      {list
        .filter((o) => o.note !== '')
        .map((o) => (
          <li key={o.id}>
            {o.name || short(o.id)} {o.note}.
          </li>
        ))}
    </ul>
  )
}

/** The broadcaster's account and the chain below everything. */
function Ground({ network, offset }: { network: Network; offset: number }) {
  const now = useNow() + offset
  const { broadcaster: b, chain } = network
  return (
    <div class="ground">
      <section data-testid="broadcaster">
        <h2>This broadcaster</h2>
        <dl class="facts">
          <div><dt>Account</dt><dd><Identity id={b.address} name="" /></dd></div>
          <div><dt>Deposit</dt><dd><Money wei={b.depositWei} coin={chain.coin} /></dd></div>
          <div><dt>Reserve</dt><dd><Money wei={b.reserveWei} coin={chain.coin} /></dd></div>
          <div><dt>Reserve for each</dt><dd><Money wei={b.shareWei} coin={chain.coin} /></dd></div>
        </dl>
      </section>
      <section data-testid="chain">
        <h2>The chain</h2>
        <dl class="facts">
          <div><dt>Chain</dt><dd>{chain.id}</dd></div>
          <div><dt>Newest block</dt><dd>{count(chain.head)}, <Ago at={chain.time} now={now} /></dd></div>
          <div><dt>Round</dt><dd>{count(network.round)}</dd></div>
        </dl>
      </section>
    </div>
  )
}
