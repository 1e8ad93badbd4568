// What this browser publishes: the form that begins it, and the bar that stays with it on every page.
import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'

import { bitrate, fps } from './format'
import { codecs, Publisher, type Source } from './player/whip'

export const PublisherContext = createContext<Publisher | null>(null)

/** The page's publisher, kept up to date. */
function usePublisher(): Publisher | null {
  const publisher = useContext(PublisherContext)
  const [, again] = useState(0)
  useEffect(() => {
    const tell = () => again((n) => n + 1)
    publisher?.watchers.add(tell)
    return () => void publisher?.watchers.delete(tell)
  }, [publisher])
  return publisher
}

/** Publishes camera or screen with one press. */
export function BrowserForm({ url, demoKey }: { url: string; demoKey: string }) {
  const publisher = usePublisher()
  const [choices] = useState(codecs)
  const [codec, setCodec] = useState(choices[0] ?? '')
  const [key, setKey] = useState(demoKey)
  if (!publisher) return null
  if (!codec) return <p>This browser cannot publish: it has no codec for WebRTC. Another browser, or OBS, can.</p>
  const { phase, problem, lost } = publisher.now
  const start = (source: Source) => void publisher.start({ source, codec, url, key: key.trim() })
  const busy = phase !== 'idle' || key.trim() === ''
  return (
    <div class="browser-form" data-testid="browser-form">
      <div class="browser-fields">
        <label>
          <span>Stream key</span>
          <input value={key} onInput={(e) => setKey(e.currentTarget.value)} autocomplete="off" spellcheck={false} data-testid="publish-key" />
        </label>
        <label>
          <span>Codec</span>
          <select value={codec} onChange={(e) => setCodec(e.currentTarget.value)} data-testid="publish-codec">
            {choices.map((c) => (
              <option key={c}>{c}</option>
            ))}
          </select>
        </label>
        <button type="button" class="primary" disabled={busy} onClick={() => start('camera')} data-testid="publish-camera">
          Publish the camera
        </button>
        <button type="button" disabled={busy} onClick={() => start('screen')} data-testid="publish-screen">
          Publish the screen
        </button>
      </div>
      <p role="status" class={problem && !lost ? 'problem' : 'quiet'} data-testid="publish-problem">
        {(!lost && problem) || 'With sound, where there is a microphone. It ends when you stop it or leave this page.'}
      </p>
    </div>
  )
}

const words = { idle: '', asking: 'asks for camera or screen', connecting: 'connects', live: 'is live' }

/** What this browser publishes, and the button that stops it. */
export function PublishingBar() {
  const publisher = usePublisher()
  if (!publisher) return null
  const { phase, problem, lost, codec, width, height, fps: rate, bitrate: bits } = publisher.now
  if (phase === 'idle' && !lost) return null
  return (
    <div class={`publishing ${phase}`} data-testid="publishing">
      <span role="status">
        {phase === 'idle' ? (
          <span class="problem">This browser publishes no more. {problem}</span>
        ) : (
          <>
            <span class="line-dot" aria-hidden="true" /> This browser {words[phase]}
          </>
        )}
      </span>
      {phase === 'live' && (
        <span class="quiet publishing-figures" data-testid="publishing-figures">
          {width > 0 ? `${codec} ${width}×${height}, ${fps(rate)}, ${bitrate(bits)}` : 'first pictures'}
        </span>
      )}
      <button type="button" onClick={() => publisher.stop()} data-testid="publishing-stop">
        {phase === 'idle' ? 'Dismiss' : 'Stop'}
      </button>
    </div>
  )
}
