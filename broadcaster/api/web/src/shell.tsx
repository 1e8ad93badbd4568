// What every page has: the way to the others, and whether its figures are alive.
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

import { type Feed, useNow } from './feed'
import { ago } from './format'
import { PublishingBar } from './publishing'

export function Shell(props: { feed: Feed; page: 'streams' | 'watch' | 'network' | 'stake'; title: string; children: ComponentChildren }) {
  const { feed, page, title, children } = props
  useEffect(() => {
    document.title = `${title} · Castnet`
  }, [title])
  return (
    <div class={`shell line-${feed.line}`}>
      <header>
        <a class="mark" href="/">
          <img src="/mark.svg" alt="" width="24" height="24" />
          Castnet
        </a>
        <nav aria-label="Pages">
          <a href="/" aria-current={page === 'streams' || page === 'watch' ? 'page' : undefined}>
            Streams
          </a>
          <a href="/network" aria-current={page === 'network' ? 'page' : undefined}>
            Network
          </a>
          <a href="/stake" aria-current={page === 'stake' ? 'page' : undefined}>
            Stake
          </a>
        </nav>
        <Line feed={feed} />
      </header>
      <PublishingBar />
      {children}
    </div>
  )
}

/** Whether the figures on the page are alive, and else how old they are. */
function Line({ feed }: { feed: Feed }) {
  const now = useNow()
  const text = {
    alive: 'Figures are live',
    opening: 'Connecting',
    broken: feed.heardAt > 0 ? `No connection, last figures ${ago(new Date(feed.heardAt).toISOString(), now)}` : 'The server does not answer',
  }[feed.line]
  return (
    <span class="line" data-testid="line" role="status">
      <span class="line-dot" aria-hidden="true" />
      <span class="line-text">{text}</span>
    </span>
  )
}
