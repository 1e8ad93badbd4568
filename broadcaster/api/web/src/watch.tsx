// Watch: does it play, how late is it; and the road that it comes by.
import { Fragment } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { useResource } from './data'
import { type Feed, useFeed, useNow } from './feed'
import { bitrate, count, percent, plural } from './format'
import { Ago, Identity, Money, Snippet, Warnings } from './parts'
import { Player, type Playing, type Wish } from './player/player'
import { Publish } from './publish'
import { lived, Road, StopDetails } from './road'
import { Shell } from './shell'
import { fill, setQuery, useQuery } from './url'
import type { Network, Rendition, Status, Stop, Stream } from './views'

/** The page of one stream. */
export function WatchPage({ id }: { id: string }) {
  const feed = useFeed(`/api/v1/streams/${encodeURIComponent(id)}/events`)
  return (
    <Shell feed={feed} page="watch" title={id}>
      <Watch id={id} stream={feed.stream} feed={feed} />
    </Shell>
  )
}

/** The picture and all that belongs to it. The shape stays while the data is on its way. */
export function Watch({ id, stream: known, feed }: { id: string; stream: Feed['stream']; feed: Feed }) {
  const now = useNow() + feed.clockOffset
  const query = useQuery()
  // What was last known of a stream that went away is still worth reading.
  const last = useRef<Stream | null>(null)
  if (known && known !== 'gone') last.current = known
  const stream = known === 'gone' ? null : (known ?? last.current)
  const live = stream !== null && (stream.state === 'live' || stream.state === 'waiting')
  const coin = feed.network?.chain.coin ?? ''
  const stop = query.get('stop') as Stop | null

  return (
    <main class="watch">
      <h1 class="visually-hidden">{id}</h1>
      <div class="stage">
        <Screen id={id} stream={stream} gone={known === 'gone'} feed={feed} live={live} now={now} />
        {stream && <Road stream={stream} coin={coin} open={stop} onOpen={(s) => setQuery('stop', s)} />}
        {stream && stop && <StopDetails stream={stream} stop={stop} coin={coin} now={now} />}
      </div>
      <aside class="beside">
        {stream && <Warnings list={[...stream.warnings, ...(feed.network?.broadcaster.warnings ?? [])]} />}
        {live && <Advice stream={stream} />}
        {stream && <Serving stream={stream} now={now} />}
        {stream && <Events stream={stream} now={now} />}
        {stream && feed.network && <Account stream={stream} network={feed.network} />}
        {live && <Elsewhere id={id} />}
        {known === 'gone' && (
          <section>
            <h2>Publish here</h2>
            <Publish />
          </section>
        )}
      </aside>
    </main>
  )
}

interface ScreenProps {
  id: string
  stream: Stream | null
  gone: boolean
  live: boolean
  feed: Feed
  now: number
}

function Screen({ id, stream, gone, live, feed, now }: ScreenProps) {
  const frame = useRef<HTMLDivElement>(null)
  const video = useRef<HTMLVideoElement>(null)
  const player = useRef<Player>()
  const [playing, setPlaying] = useState<Playing | null>(null)
  const [muted, setMuted] = useState(true)
  const query = useQuery()
  const wish: Wish = {
    transport: asTransport(query.get('player')),
    quality: query.get('quality') ?? 'auto',
  }
  const renditions = stream?.renditions ?? []
  const playable = live && renditions.length > 0

  useEffect(() => {
    if (!video.current) return
    const p = new Player(video.current, setPlaying)
    player.current = p
    return () => p.close()
  }, [])
  useEffect(() => {
    if (playable) player.current?.play(id, renditions, wish)
    else player.current?.stop()
  }, [id, playable, names(renditions), wish.transport, wish.quality])
  useEffect(() => {
    if (player.current) player.current.clockOffset = feed.clockOffset
  }, [feed.clockOffset])

  return (
    <div class="screen">
      <div class="frame" ref={frame}>
        <video ref={video} autoplay playsInline muted={muted} data-testid="video" aria-label={`Live picture of ${id}`} />
        <Veil stream={stream} gone={gone} playing={playing} />
        <div class="over">
          <button type="button" onClick={() => setMuted(!muted)} aria-pressed={!muted} data-testid="sound">
            {muted ? 'Sound off' : 'Sound on'}
          </button>
          <button type="button" onClick={() => void toggleFullScreen(frame.current)}>
            Full screen
          </button>
        </div>
      </div>
      <div class="bar">
        <div class="bar-figures">
          <span class={`state ${live ? 'is-live' : ''}`} data-testid="state">
            {stateWord(stream, gone)}
          </span>
          {live && <Latency playing={playing} />}
          <span class="quiet size" data-testid="size">
            {playing && playing.width > 0 ? `${playing.width}×${playing.height}` : '\u00a0'}
          </span>
        </div>
        <div class="bar-controls">
          <QualityMenu renditions={renditions} playing={playing} chosen={wish.quality} />
          <TransportMenu playing={playing} chosen={wish.transport} />
        </div>
      </div>
      <p class="note">
        <span data-testid="note" role="status">
          {playing?.note}
        </span>
        <span data-testid="audience">{stream && live ? `${plural(stream.viewers, 'viewer')}, live for ${lived(stream, now)}` : ''}</span>
      </p>
    </div>
  )
}

function toggleFullScreen(frame: HTMLElement | null): Promise<void> | undefined {
  return document.fullscreenElement ? document.exitFullscreen() : frame?.requestFullscreen()
}

function TransportMenu({ playing, chosen }: { playing: Playing | null; chosen: Wish['transport'] }) {
  return (
    <label>
      <span class="visually-hidden">Way of playing</span>
      <select
        data-testid="transport"
        value={chosen}
        onChange={(e) => setQuery('player', e.currentTarget.value === 'auto' ? null : e.currentTarget.value)}
      >
        <option value="auto">{playing?.transport === 'hls' ? 'Auto (HLS)' : 'Auto (WebRTC)'}</option>
        <option value="webrtc">WebRTC</option>
        <option value="hls">HLS</option>
      </select>
    </label>
  )
}

function asTransport(text: string | null): Wish['transport'] {
  return text === 'webrtc' || text === 'hls' ? text : 'auto'
}

function names(renditions: Rendition[]): string {
  return renditions.map((r) => `${r.name}${r.whep ? '' : '!'}`).join()
}

function stateWord(stream: Stream | null, gone: boolean): string {
  if (gone) return 'Not live'
  if (!stream) return 'Loading'
  return { live: 'Live', starting: 'Starting', waiting: 'Waiting', ended: 'Ended' }[stream.state]
}

/** What lies over the picture while there is none. */
function Veil({ stream, gone, playing }: { stream: Stream | null; gone: boolean; playing: Playing | null }) {
  let text = ''
  if (gone) text = 'Nothing is live here now. It starts by itself as soon as somebody publishes.'
  else if (stream?.state === 'ended') text = stream.ended ? `The stream has ended: ${stream.ended}.` : 'The stream has ended.'
  else if (stream?.state === 'starting') text = 'A publisher is here. Waiting for its first key frame.'
  else if (stream?.state === 'waiting') text = 'The publisher is gone. If it comes back in a moment, the stream goes on.'
  else if (playing?.phase === 'connecting') text = playing.width > 0 ? 'Waiting for the next picture' : 'Connecting'
  else if (playing?.phase === 'waiting') text = 'No picture yet. Trying again.'
  if (!text) return null
  return (
    <div class="veil" data-testid="veil">
      {text}
    </div>
  )
}

function Latency({ playing }: { playing: Playing | null }) {
  const seconds = playing?.latency ?? null
  const known = seconds !== null
  return (
    <span
      class="latency quiet"
      title={known ? 'From camera to this screen' : 'Neither the player nor the stream tells yet when the picture was taken'}
    >
      <span class={`latency-number ${known ? 'known' : ''}`} data-testid="latency">
        {known ? `${seconds.toFixed(2)} s` : 'unknown'}
      </span>{' '}
      {known ? 'behind the camera' : 'delay'}
    </span>
  )
}

function QualityMenu({ renditions, playing, chosen }: { renditions: Rendition[]; playing: Playing | null; chosen: string }) {
  const transport = playing?.transport ?? 'webrtc'
  const can = playing?.qualities ?? []
  return (
    <label>
      <span class="visually-hidden">Quality</span>
      <select
        data-testid="quality"
        value={chosen}
        onChange={(e) => setQuery('quality', e.currentTarget.value === 'auto' ? null : e.currentTarget.value)}
      >
        <option value="auto">{chosen === 'auto' && playing?.quality ? `Auto (${playing.quality})` : 'Auto quality'}</option>
        {renditions.map((r) => (
          <option key={r.name} value={r.name} disabled={!can.includes(r.name)} title={r.whyNot ?? ''}>
            {qualityText(r)}
            {transport === 'webrtc' && !r.whep ? ' (HLS only)' : ''}
          </option>
        ))}
      </select>
    </label>
  )
}

function qualityText(r: Rendition): string {
  const facts = [r.name === 'source' ? `${r.width}×${r.height}` : '', r.bitrate > 0 ? bitrate(r.bitrate) : ''].filter(Boolean)
  return [r.name === 'source' ? 'Source' : r.name, ...facts].join(', ')
}

/** Who makes the ladder, and why, as a sentence. */
function Serving({ stream, now }: { stream: Stream; now: number }) {
  const o = stream.orchestrator
  const ladder = stream.renditions.filter((r) => r.name !== 'source')
  return (
    <section class="serving" data-testid="serving">
      <h2>Who makes the ladder</h2>
      {o ? (
        <p>
          <Identity id={o.id} name={o.name} /> serves this stream: {o.why}. It holds {percent(o.stakeShare)} of all
          stake and began <Ago at={o.since} now={now} />.
        </p>
      ) : (
        <p>{unserved(stream, ladder)}</p>
      )}
      <p class="quiet" data-testid="ladder">
        {ladder.map((r) => (r.own ? `${r.name} (sent by the publisher)` : r.name)).join(', ') || 'No ladder yet'}
        {' from '}
        {stream.input.codec ? `${stream.input.codec} ${stream.input.width}×${stream.input.height}` : `${stream.input.audio} alone`}
      </p>
    </section>
  )
}

function unserved(stream: Stream, ladder: Rendition[]): string {
  if (stream.state === 'ended') return 'Nobody any more.'
  if (ladder.length > 0 && ladder.every((r) => r.own)) return 'Nobody is needed: the publisher sends every rendition itself.'
  return 'Nobody yet: the draw is under way. The source plays meanwhile.'
}

/** What would make the publisher's part better, where it matters to those who watch. */
function Advice({ stream }: { stream: Stream }) {
  const { health, advice } = stream.input
  if (advice === '' || (health !== 'fair' && health !== 'bad')) return null
  return (
    <section class={`advice ${health}`} data-testid="advice">
      <h2>What would help</h2>
      <p>{advice}</p>
    </section>
  )
}

/** The addresses for other players. */
function Elsewhere({ id }: { id: string }) {
  const { data: status } = useResource<Status>('/api/v1/status', 0)
  if (!status) return null
  return (
    <details class="elsewhere" data-testid="elsewhere">
      <summary>Play it elsewhere</summary>
      <dl class="facts">
        {status.playback.map((way) => (
          <Fragment key={way.protocol}>
            <dt>{way.protocol}</dt>
            <dd>
              <Snippet label={`the ${way.protocol} address`} text={fill(way.url, { id })} />
            </dd>
          </Fragment>
        ))}
      </dl>
      <p class="quiet">RTSP plays the source; add a rendition's name, as in /720p, for that.</p>
    </details>
  )
}

function Events({ stream, now }: { stream: Stream; now: number }) {
  return (
    <section class="events" data-testid="events">
      <h2>What happened</h2>
      {stream.events.length === 0 && <p class="quiet">Nothing yet.</p>}
      <ol>
        {stream.events.slice(0, 6).map((e) => (
          <li key={e.at + e.text} class={e.level}>
            <span>{e.text}</span> <Ago at={e.at} now={now} />
          </li>
        ))}
      </ol>
    </section>
  )
}

function Account({ stream, network }: { stream: Stream; network: Network }) {
  const { chain, broadcaster } = network
  const { paid } = stream
  return (
    <section class="account" data-testid="account">
      <h2>What it costs</h2>
      <table>
        <tbody>
          <tr>
            <th>Tickets sent</th>
            <td class="number" data-testid="tickets-sent">{count(paid.ticketsSent)}</td>
            <td class="number" data-testid="ticket-ev"><Money wei={paid.evWei} coin={chain.coin} /></td>
          </tr>
          <tr>
            <th>Redeemed</th>
            <td class="number" data-testid="tickets-redeemed">{count(paid.redeemed)}</td>
            <td class="number"><Money wei={paid.redeemedWei} coin={chain.coin} /></td>
          </tr>
          <tr>
            <th>Deposit left</th>
            <td />
            <td class="number" data-testid="deposit"><Money wei={broadcaster.depositWei} coin={chain.coin} /></td>
          </tr>
          <tr>
            <th>Reserve</th>
            <td />
            <td class="number" data-testid="reserve"><Money wei={broadcaster.reserveWei} coin={chain.coin} /></td>
          </tr>
        </tbody>
      </table>
    </section>
  )
}
