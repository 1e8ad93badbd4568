// Streams: am I live, is it healthy.
import { useEffect, useRef } from 'preact/hooks'

import { type Feed, useFeed, useNow } from './feed'
import { bitrate, fps, plural } from './format'
import { Warnings } from './parts'
import { Publish } from './publish'
import { lived } from './road'
import { Shell } from './shell'
import type { Stream } from './views'
import { Watch } from './watch'

/** All live streams. A single one plays at once: that is what most people come for. */
export function StreamsPage() {
  const feed = useFeed('/api/v1/events')
  const streams = feed.streams
  const only = useOnly(streams)
  if (only) {
    const stream = streams?.find((s) => s.id === only) ?? 'gone'
    return (
      <Shell feed={feed} page="streams" title={only}>
        <Watch key={only} id={only} stream={stream} feed={feed} />
      </Shell>
    )
  }
  return (
    <Shell feed={feed} page="streams" title="Streams">
      <main class="streams">
        {streams === null && <p class="quiet">{feed.line === 'broken' ? 'The server does not answer. Trying again.' : '\u00a0'}</p>}
        {streams?.every((s) => s.state === 'ended') && <Empty ended={streams} feed={feed} />}
        {streams?.some((s) => s.state !== 'ended') && <Tiles streams={streams} feed={feed} />}
      </main>
    </Shell>
  )
}

/** The id of the only live stream, null where there are none or several. Once it played, its end stays on the screen. */
function useOnly(streams: Stream[] | null): string | null {
  const shown = useRef<string | null>(null)
  if (streams === null) return shown.current
  const running = streams.filter((s) => s.state !== 'ended')
  if (running.length > 1) shown.current = null
  else if (running[0]) shown.current = running[0].id
  else if (!streams.some((s) => s.id === shown.current)) shown.current = null
  return shown.current
}

function Empty({ ended, feed }: { ended: Stream[]; feed: Feed }) {
  return (
    <div class="empty" data-testid="empty">
      <h1>Nothing is live{ended.length === 0 ? ' yet' : ' now'}</h1>
      <p>Publish a stream, and it plays on this page by itself.</p>
      <Publish />
      <Warnings list={feed.network?.broadcaster.warnings ?? []} />
      {ended.length > 0 && (
        <section>
          <h2>Ended a short while ago</h2>
          <ul>
            {ended.map((s) => (
              <li key={s.id}>
                <a href={`/watch/${encodeURIComponent(s.id)}`}>{s.id}</a>
                {s.ended && <span class="quiet">: {s.ended}</span>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

function Tiles({ streams, feed }: { streams: Stream[]; feed: Feed }) {
  const now = useNow() + feed.clockOffset
  return (
    <>
      <h1>{plural(streams.filter((s) => s.state === 'live').length, 'stream')} live</h1>
      <Warnings list={feed.network?.broadcaster.warnings ?? []} />
      <ul class="tiles">
        {streams.map((s) => (
          <li key={s.id}>
            <a class="tile" href={`/watch/${encodeURIComponent(s.id)}`} data-testid={`tile-${s.id}`}>
              <Still stream={s} />
              <span class="tile-head">
                <strong>{s.id}</strong>
                <span class={`health ${s.state === 'ended' ? 'unknown' : s.input.health}`}>{word(s)}</span>
              </span>
              <span class="quiet">
                {s.input.width}×{s.input.height}, {fps(s.input.fps)}, {bitrate(s.input.bitrate)}
              </span>
              <span class="quiet">
                {plural(s.viewers, 'viewer')}, {lived(s, now)}
              </span>
              <span class="tile-advice">{s.warnings[0]?.text ?? s.input.advice}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  )
}

function word(s: Stream): string {
  if (s.state !== 'live') return s.state
  return { good: 'healthy', fair: 'could be better', bad: 'needs you', unknown: 'live' }[s.input.health]
}

/** How often a picture is renewed, and how long the server gives the same one, in milliseconds. */
const renewal = 20_000
const sameFor = 5_000

/**
 * A picture of the stream, if it has any, renewed now and then while it can be seen. The old one stays until the new one is
 * there.
 */
function Still({ stream }: { stream: Stream }) {
  const frame = useRef<HTMLDivElement>(null)
  const live = stream.state === 'live' && stream.input.codec !== ''
  useEffect(() => {
    const f = frame.current
    if (!f || !live) return
    let last = 0
    let seen = false
    const look = () => {
      if (!seen || document.hidden || Date.now() - last < renewal) return
      last = Date.now()
      const picture = new Image()
      picture.src = `/thumbnails/${encodeURIComponent(stream.id)}.jpg?${Math.floor(last / sameFor)}`
      picture.decode().then(() => f.replaceChildren(picture), () => {})
    }
    const watcher = new IntersectionObserver(([entry]) => {
      seen = entry?.isIntersecting ?? false
      look()
    })
    watcher.observe(f)
    const timer = window.setInterval(look, 1000)
    return () => {
      watcher.disconnect()
      window.clearInterval(timer)
    }
  }, [stream.id, live])
  return <div ref={frame} class="still" aria-hidden="true" />
}
