import { type ComponentType, render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'

import { NetworkPage } from './network'
import { Publisher } from './player/whip'
import { PublisherContext } from './publishing'
import { StreamsPage } from './streams'
import './style.css'
import { go, usePath } from './url'
import { WatchPage } from './watch'

/** Only stakers need the code that speaks to wallets and contracts: it is loaded with their page. */
const stakePage = () => import('./stake/stake').then((m) => m.StakePage)

function Later({ load }: { load: () => Promise<ComponentType> }) {
  const [page, setPage] = useState<{ is: ComponentType } | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    load().then((is) => setPage({ is }), () => setFailed(true))
  }, [load])
  if (failed) return <main class="empty"><h1>The page did not load</h1><p>The server may have a newer one: load it anew.</p></main>
  return page ? <page.is /> : null
}

function App() {
  // What this browser publishes goes on while its page changes.
  const publisher = useMemo(() => new Publisher(), [])
  return (
    <PublisherContext.Provider value={publisher}>
      <Page />
    </PublisherContext.Provider>
  )
}

function Page() {
  const path = usePath()
  useEffect(() => {
    // Links within the application change the page without loading it anew.
    const click = (e: MouseEvent) => {
      const link = (e.target as Element).closest('a')
      if (!link || link.origin !== location.origin || link.target || e.defaultPrevented) return
      if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
      e.preventDefault()
      go(link.pathname + link.search)
    }
    document.addEventListener('click', click)
    return () => document.removeEventListener('click', click)
  }, [])

  const watched = /^\/watch\/([^/]+)$/.exec(path)?.[1]
  if (watched) {
    const id = decodeURIComponent(watched)
    return <WatchPage key={id} id={id} />
  }
  if (path === '/') return <StreamsPage />
  if (path === '/network') return <NetworkPage />
  if (path === '/stake') return <Later load={stakePage} />
  return (
    <main class="empty">
      <h1>There is no page at this address</h1>
      <p>
        <a href="/">See what is live</a>, or <a href="/network">who does the work</a>.
      </p>
    </main>
  )
}

const root = document.getElementById('app')
if (root) render(<App />, root)
