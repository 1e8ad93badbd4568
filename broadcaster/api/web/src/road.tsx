// The road: one line from camera to viewer with five stops, each with a number and a word; a click opens its details.
import type { ComponentChildren } from 'preact'

import { bitrate, count, duration, fps, money, percent, shortTime } from './format'
import { Ago, Identity, Money } from './parts'
import type { Health, Stop, Stream, Target } from './views'

interface StopFace {
  id: Stop
  name: string
  number: string
  word: string
  health: Health
}

/** What each stop shows. */
export function faces(s: Stream, coin: string): StopFace[] {
  const { input, segments, orchestrator: o, verified, paid } = s
  const live = s.state !== 'ended'
  return [
    {
      id: 'in',
      name: 'In',
      number: input.fps > 0 ? fps(input.fps) : '–',
      word: live ? inputWord(input.health) : 'ended',
      health: live ? input.health : 'unknown',
    },
    {
      id: 'segments',
      name: 'Segments',
      number: count(segments.count),
      word: segments.lastSeconds > 0 ? `${segments.lastSeconds.toFixed(1)} s each` : 'cutting the first',
      health: segments.count > 0 ? 'good' : 'unknown',
    },
    {
      id: 'orchestrator',
      name: 'Orchestrator',
      number: o ? o.name || 'at work' : 'none',
      word: o ? (o.roundTripMs > 0 ? `${shortTime(o.roundTripMs / 1000)} away` : 'just begun') : live ? 'looking for one' : 'released',
      health: o ? 'good' : 'unknown',
    },
    {
      id: 'verified',
      name: 'Verified',
      number: count(verified.ok),
      word: verified.failed > 0 ? `${count(verified.failed)} failed` : verified.ok > 0 ? 'all passed' : 'none yet',
      health: verified.failed > 0 ? 'fair' : verified.ok > 0 ? 'good' : 'unknown',
    },
    {
      id: 'paid',
      name: 'Paid',
      number: money(paid.evWei, coin),
      word: paid.ticketsSent > 0 ? `${count(paid.redeemed)} of ${count(paid.ticketsSent)} redeemed` : 'no ticket yet',
      health: paid.ticketsSent > 0 ? 'good' : 'unknown',
    },
  ]
}

function inputWord(health: Health): string {
  return { good: 'steady', fair: 'could be better', bad: 'needs you', unknown: 'measuring' }[health]
}

/** The line itself. */
export function Road(props: { stream: Stream; coin: string; open: Stop | null; onOpen: (stop: Stop | null) => void }) {
  const { stream, coin, open, onOpen } = props
  return (
    <nav class={`road ${stream.state}`} aria-label="From camera to viewer" data-testid="road">
      <ol>
        {faces(stream, coin).map((face) => (
          <li key={face.id} class={`stop ${face.health} ${face.id === 'paid' ? 'is-money' : ''}`}>
            <button
              type="button"
              aria-expanded={open === face.id}
              aria-controls="stop-details"
              onClick={() => onOpen(open === face.id ? null : face.id)}
              data-testid={`stop-${face.id}`}
            >
              {/* A new key for each segment starts the pulse anew: something has passed. */}
              <span class="dot" aria-hidden="true">
                <span class="pulse" key={passed(stream, face.id)} />
              </span>
              <span class="stop-name">{face.name}</span>
              <span class="stop-number">{face.number}</span>
              <span class="stop-word">{face.word}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}

function passed(s: Stream, stop: Stop): number {
  switch (stop) {
    case 'verified':
      return s.verified.ok
    case 'paid':
      return s.paid.ticketsSent
    default:
      return s.segments.count
  }
}

/** How the stream's clock goes by the server's. */
function driftText(seconds: number): string {
  if (Math.abs(seconds) < 0.05) return 'on time'
  return `${shortTime(Math.abs(seconds))} ${seconds > 0 ? 'lost' : 'gained'} in 30 s`
}

/** How a server that the stream is pushed on to does. */
function targetText(t: Target): string {
  if (t.state === 'live') return `live, ${count(Math.round(t.bytes / 1e6))} MB sent, begun anew ${count(t.restarts)} times`
  return t.lastError ? `${t.state}: ${t.lastError}` : t.state
}

/** What stands behind one stop. */
export function StopDetails({ stream, stop, coin, now }: { stream: Stream; stop: Stop; coin: string; now: number }) {
  return (
    <section id="stop-details" class="details" aria-label="Details" data-testid="details">
      {details(stream, stop, coin, now)}
    </section>
  )
}

function details(s: Stream, stop: Stop, coin: string, now: number): ComponentChildren {
  const { input, orchestrator: o, verified, paid } = s
  switch (stop) {
    case 'in':
      return (
        <>
          <p>{input.advice || 'What the publisher sends is fine as it is.'}</p>
          {input.moreAdvice.map((text) => (
            <p key={text}>{text}</p>
          ))}
          <Facts
            rows={[
              ['Comes by', `${input.protocol} from ${input.remote}`],
              ['Picture', input.codec ? `${input.codec} ${input.width}×${input.height}, ${fps(input.fps)}` : 'none'],
              ['Bitrate', bitrate(input.bitrate)],
              ['Key frames', input.gopSeconds > 0 ? `every ${input.gopSeconds.toFixed(1)} s` : 'unknown'],
              ['B-frames', input.bFrames ? 'yes: WebRTC plays the ladder, not the source' : 'none'],
              ['Against the clock', driftText(input.driftSeconds)],
              ['Missing pictures', input.irregular ? 'unknown: the rate is not steady' : `${count(input.missing)} of the last ${count(input.missing + input.pictures)}`],
              ['Sound', input.audio || 'none'],
              ...(s.targets ?? []).map((t) => ['Pushed on to', `${t.server} (${t.rendition}): ${targetText(t)}`]),
            ]}
          />
        </>
      )
    case 'segments':
      return (
        <>
          <p>
            A segment is what gets checked and paid. It is never waited for: pictures run through the whole road one by
            one.
          </p>
          <Facts
            rows={[
              ['Cut so far', count(s.segments.count)],
              ['The last one', s.segments.lastSeconds > 0 ? `${s.segments.lastSeconds.toFixed(2)} s` : 'not closed yet'],
            ]}
          />
        </>
      )
    case 'orchestrator':
      if (!o) return <p>Nobody makes the ladder now. The source plays on, and the next draw is under way.</p>
      return (
        <>
          <Facts
            rows={[
              ['Who', <Identity id={o.id} name={o.name} />],
              ['Why', o.why],
              ['Where', <span class="hash">{o.url}</span>],
              ['Round trip', o.roundTripMs > 0 ? `${o.roundTripMs.toFixed(1)} ms` : 'unknown'],
              ['Share of all stake', percent(o.stakeShare)],
              ['Serves since', <Ago at={o.since} now={now} />],
              ['Stands by', o.standby || 'nobody'],
            ]}
          />
          <Signed what="The signed lease" value={o.lease} />
        </>
      )
    case 'verified':
      return (
        <>
          <p>
            {verified.lastFailure
              ? `Last failure: ${verified.lastFailure}. That segment is not paid.`
              : 'Every segment is checked before it is paid. None has failed.'}
          </p>
          <table>
            <thead>
              <tr>
                <th>Check</th>
                <th class="number">passed</th>
                <th class="number">failed</th>
              </tr>
            </thead>
            <tbody>
              {verified.checks.map((c) => (
                <tr key={c.name}>
                  <td>{c.name}</td>
                  <td class="number">{count(c.ok)}</td>
                  <td class="number">{count(c.failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Signed what="The last signed receipt" value={verified.receipt} />
        </>
      )
    case 'paid':
      return (
        <>
          <p>
            Each verified segment is paid with a ticket that is worth its fee on average: most win nothing, a few win
            their whole face value. Which ones is the orchestrator's secret until it redeems them on the chain.
          </p>
          <Facts
            rows={[
              ['Fees earned', <Money wei={paid.feesWei} coin={coin} />],
              ['Tickets sent', `${count(paid.ticketsSent)}, worth`, <Money wei={paid.evWei} coin={coin} />],
              ['Redeemed so far', `${count(paid.redeemed)}, paid out`, <Money wei={paid.redeemedWei} coin={coin} />],
            ]}
          />
          <Signed what="The last signed ticket" value={paid.ticket} />
        </>
      )
  }
}

function Facts({ rows }: { rows: ComponentChildren[][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, ...value], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd>{value.map((v, j) => (j > 0 ? [' ', v] : v))}</dd>
        </div>
      ))}
    </dl>
  )
}

function Signed({ what, value }: { what: string; value: unknown }) {
  if (value === undefined || value === null) return null
  return (
    <details class="signed">
      <summary>{what}</summary>
      <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
    </details>
  )
}

/** How long a stream has been live, in words. */
export function lived(s: Stream, now: number): string {
  return duration((now - Date.parse(s.startedAt)) / 1000)
}
