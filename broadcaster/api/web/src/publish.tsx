// How to publish: what a person needs who has nothing live yet.
import { useEffect, useState } from 'preact/hooks'

import { Snippet } from './parts'
import type { Status } from './views'

const ways = ['A video file', 'A test picture', 'OBS'] as const

/** The settings that publish to this broadcaster, ready to copy. */
export function Publish() {
  const [status, setStatus] = useState<Status | null>(null)
  const [way, setWay] = useState<(typeof ways)[number]>('A video file')
  useEffect(() => {
    fetch('/api/v1/status')
      .then((r) => r.json())
      .then((s: Status) => setStatus(s))
      .catch(() => {}) // the header says already that the server is away
  }, [])
  const rtmp = status?.ingest.find((i) => i.protocol === 'RTMP')
  const server = rtmp ? `rtmp://${hostForURL()}:${rtmp.port}/${rtmp.app}` : ''
  const key = rtmp?.key || 'YOUR-STREAM-KEY'
  return (
    <section class="publish" aria-label="How to publish" data-testid="publish">
      <div class="tabs" role="tablist">
        {ways.map((w) => (
          <button type="button" key={w} role="tab" aria-selected={w === way} onClick={() => setWay(w)}>
            {w}
          </button>
        ))}
      </div>
      <div class="publish-body">
        {server && way === 'A video file' && (
          <Snippet label="the command" text={`ffmpeg -re -stream_loop -1 -i video.mp4 ${encoder} ${server}/${key}`} />
        )}
        {server && way === 'A test picture' && (
          <Snippet
            label="the command"
            text={`ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 ${encoder} ${server}/${key}`}
          />
        )}
        {server && way === 'OBS' && (
          <dl class="facts">
            <dt>Service</dt>
            <dd>Custom…</dd>
            <dt>Server</dt>
            <dd>
              <Snippet label="the server" text={server} />
            </dd>
            <dt>Stream key</dt>
            <dd>
              <Snippet label="the stream key" text={key} />
            </dd>
            <dt>Output, Advanced</dt>
            <dd>x264, keyframe interval 2 s, tune zerolatency</dd>
          </dl>
        )}
      </div>
    </section>
  )
}

/** Low delay: no B-frames (zerolatency), a key frame every 2 s at 30 fps. */
const encoder = '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -f flv'

/** The host that the page was opened at is the one that a publisher reaches as well. */
function hostForURL(): string {
  return location.hostname || '127.0.0.1'
}
