// Small parts that every page uses.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { ago, money, short } from './format'
import type { Warning } from './views'

/** A button that copies a text, and says so. */
export function Copy({ text, label, children }: { text: string; label: string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false)
  const timer = useRef<number>()
  useEffect(() => () => window.clearTimeout(timer.current), [])
  const copy = async () => {
    await toClipboard(text)
    setDone(true)
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => setDone(false), 1500)
  }
  return (
    <button type="button" class="copy" onClick={copy} aria-label={done ? 'Copied' : label} title={label}>
      {children}
      {/* The word is drawn, not text, so that it is not part of what is selected around it. */}
      <span class="copy-word" aria-hidden="true" data-word={done ? 'copied' : 'copy'} />
    </button>
  )
}

async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  // Pages that come over plain HTTP from another machine have no clipboard interface.
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

/** Somebody on the chain: name and short hash, the whole hash to copy. */
export function Identity({ id, name }: { id: string; name: string }) {
  return (
    <span class="identity">
      {name && <span class="identity-name">{name}</span>}
      <Copy text={id} label={`Copy the address ${id}`}>
        <span class="hash" title={id}>
          {short(id)}
        </span>
      </Copy>
    </span>
  )
}

/** How long ago, with the exact time on hover. */
export function Ago({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {ago(at, now)}
    </time>
  )
}

/** An amount of money, with the exact one on hover. */
export function Money({ wei, coin }: { wei: string; coin: string }) {
  return (
    <span class="money" title={wei && `${wei} wei`}>
      {money(wei, coin)}
    </span>
  )
}

/** What needs a person: what happened, and the next step. */
export function Warnings({ list }: { list: Warning[] }) {
  if (list.length === 0) return null
  return (
    <ul class="warnings" data-testid="warnings" role="status">
      {list.map((w) => (
        <li key={w.text}>
          <strong>{w.text}</strong> <span>{w.next}</span>
        </li>
      ))}
    </ul>
  )
}

/** A text to copy into a terminal or a form. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div class="snippet">
      <code tabIndex={0}>
        {/* Lines break between words, never within an option. */}
        {text.split(' ').flatMap((word, i) => [i > 0 ? ' ' : '', <span key={i}>{word}</span>])}
      </code>
      <Copy text={text} label={`Copy ${label}`} />
    </div>
  )
}
