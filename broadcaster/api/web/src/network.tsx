// Network: who does the work, can I trust them.
import type { ComponentChildren } from 'preact'

import { useFeed, useNow } from './feed'
import { count, money, percent, short } from './format'
import { Ago, Identity, Money, Warnings } from './parts'
import { Shell } from './shell'
import { setQuery, useQuery } from './url'
import type { Network, Orchestrator } from './views'

/** The token that orchestrators stake. */
const token = 'CAST'

interface Column {
  id: string
  name: string
  unit?: string
  /** Words stand on the left, numbers on the right. */
  text?: true
  /** What the column is sorted by. */
  by: (o: Orchestrator) => bigint | number | string
  show: (o: Orchestrator, coin: string) => ComponentChildren
}

const columns: Column[] = [
  { id: 'name', name: 'Orchestrator', text: true, by: (o) => o.name || o.id, show: (o) => <Identity id={o.id} name={o.name} /> },
  { id: 'verified', name: 'Verified', unit: 'segments', by: (o) => o.verifiedSegments, show: (o) => count(o.verifiedSegments) },
  { id: 'success', name: 'Success', unit: 'recent', by: (o) => o.success, show: (o) => (o.success < 0 ? 'unknown' : percent(o.success)) },
  { id: 'price', name: 'Price', unit: 'a megapixel', by: (o) => wei(o.priceWeiPerMpx), show: (o, coin) => <Money wei={o.priceWeiPerMpx} coin={coin} /> },
  { id: 'stake', name: 'Stake', unit: token, by: (o) => wei(o.stakeWei), show: (o) => <span title={`${o.stakeWei} wei`}>{money(o.stakeWei, '').trim()}</span> },
  { id: 'share', name: 'Share', unit: 'of stake', by: (o) => o.share, show: (o) => percent(o.share) },
  { id: 'failures', name: 'Failed', unit: 'segments', by: (o) => o.failures, show: (o) => count(o.failures) },
  { id: 'redeemed', name: 'Redeemed', by: (o) => wei(o.redeemedWei), show: (o, coin) => <Money wei={o.redeemedWei} coin={coin} /> },
  { id: 'pool', name: 'Waits in pool', by: (o) => wei(o.feesPoolWei), show: (o, coin) => <Money wei={o.feesPoolWei} coin={coin} /> },
  { id: 'state', name: 'State', text: true, by: (o) => stateOf(o), show: (o) => <span class={o.streams > 0 ? 'health good' : 'health'}>{stateOf(o)}</span> },
]

function wei(amount: string): bigint {
  return amount === '' ? -1n : BigInt(amount)
}

function stateOf(o: Orchestrator): string {
  if (!o.active) return 'not in the set'
  if (o.health === 'bad') return 'left alone'
  if (o.streams > 0) return o.streams === 1 ? 'serves 1 stream' : `serves ${o.streams} streams`
  return 'ready'
}

/** Everybody who works, sortable, and the money that stands behind the work. */
export function NetworkPage() {
  const feed = useFeed('/api/v1/events')
  const network = feed.network
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
            <Orchestrators network={network} />
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

function Orchestrators({ network }: { network: Network }) {
  const query = useQuery()
  const column = columns.find((c) => c.id === query.get('sort')) ?? columns[1]!
  const up = query.get('order') === 'up'
  const sorted = [...network.orchestrators].sort((a, b) => {
    const x = column.by(a)
    const y = column.by(b)
    const order = x < y ? -1 : x > y ? 1 : 0
    return up ? order : -order
  })
  const sortBy = (c: Column) => {
    // A click on the column that sorts turns it round; numbers begin with the largest, names with A.
    const turned = c === column ? !up : c.text === true
    setQuery('sort', c.id)
    setQuery('order', turned ? 'up' : null)
  }
  if (sorted.length === 0) {
    return <p class="quiet">An orchestrator that stakes {token} and posts its address appears here within one round.</p>
  }
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Orchestrators">
      <table data-testid="orchestrators">
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.id} class={c.text ? '' : 'number'} aria-sort={c === column ? (up ? 'ascending' : 'descending') : 'none'}>
                <button type="button" onClick={() => sortBy(c)}>
                  {c.name}
                  <span class="unit">{c.unit ?? '\u00a0'}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((o) => (
            <tr key={o.id} data-testid={`orchestrator-${o.name || o.id}`}>
              {columns.map((c) => (
                <td key={c.id} class={c.text ? '' : 'number'}>
                  {c.show(o, network.chain.coin)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
