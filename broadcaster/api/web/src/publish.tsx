// How to publish: what a person needs who has nothing live yet.
import { Fragment } from 'preact'
import { useState } from 'preact/hooks'

import { useResource } from './data'
import { Snippet } from './parts'
import { BrowserForm } from './publishing'
import { fill } from './url'
import type { Status } from './views'

const tabs = ['This browser', 'Video file', 'Test picture', 'OBS', 'Other'] as const

/** The ways to publish to this broadcaster, ready to press or to copy. */
export function Publish() {
  const { data: status } = useResource<Status>('/api/v1/status', 0)
  const [tab, setTab] = useState<(typeof tabs)[number]>(tabs[0])
  return (
    <section class="publish" aria-label="How to publish" data-testid="publish">
      <div class="tabs" role="tablist">
        {tabs.map((t) => (
          <button type="button" key={t} role="tab" aria-selected={t === tab} onClick={() => setTab(t)}>
            {t}
          </button>
        ))}
      </div>
      <div class="publish-body">{status && <Way tab={tab} status={status} />}</div>
    </section>
  )
}

function Way({ tab, status }: { tab: (typeof tabs)[number]; status: Status }) {
  const key = status.demoKey || 'YOUR-STREAM-KEY'
  const template = (protocol: string) => status.ingest.find((way) => way.protocol === protocol)?.url ?? ''
  // Encoders and browsers take the key apart from the server.
  const server = (protocol: string) => fill(template(protocol).replace(/\/\{key\}$/, ''), {})
  switch (tab) {
    case 'This browser':
      return <BrowserForm url={server('WHIP')} demoKey={status.demoKey} />
    case 'Video file':
      return <Snippet label="the command" text={`ffmpeg -re -stream_loop -1 -i video.mp4 ${encoder} ${server('RTMP')}/${key}`} />
    case 'Test picture':
      return (
        <Snippet
          label="the command"
          text={`ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 ${encoder} ${server('RTMP')}/${key}`}
        />
      )
    case 'OBS':
      return (
        <dl class="facts">
          <dt>Service</dt>
          <dd>Custom…</dd>
          <dt>Server</dt>
          <dd>
            <Snippet label="the server" text={server('RTMP')} />
          </dd>
          <dt>Stream key</dt>
          <dd>
            <Snippet label="the stream key" text={key} />
          </dd>
          <dt>Output, Advanced</dt>
          <dd>x264, keyframe interval 2 s, tune zerolatency</dd>
        </dl>
      )
    case 'Other':
      return (
        <dl class="facts">
          {status.ingest.map((way) => (
            <Fragment key={way.protocol}>
              <dt>{way.protocol}</dt>
              <dd>
                <Snippet label={`the ${way.protocol} address`} text={fill(way.url, { key })} />
                {way.note && <span class="quiet">{way.note}</span>}
              </dd>
            </Fragment>
          ))}
        </dl>
      )
  }
}

/** Low delay: no B-frames (zerolatency), a key frame every 2 s at 30 fps. */
const encoder = '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -f flv'
