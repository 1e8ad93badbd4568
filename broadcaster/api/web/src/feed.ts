// Live data from the server: one event stream a page, reopened by itself, and honest about its age.
import { useEffect, useState } from 'preact/hooks'
import type { Network, Stream } from './views'

/** What a feed has brought so far. Null means that nothing has come yet. */
export interface Feed {
  streams: Stream[] | null
  /** The stream of the page, or 'gone' where there is none now. */
  stream: Stream | 'gone' | null
  network: Network | null
  /** Whether the line is alive. While it is not, everything above is old. */
  line: 'opening' | 'alive' | 'broken'
  /** When anything last came, in milliseconds of this machine's clock. */
  heardAt: number
  /** Server's clock minus this machine's, in milliseconds. */
  clockOffset: number
  /** The chain's clock minus this machine's, in milliseconds: what unlocks by its time is counted down by it. */
  chainOffset: number
}

const silence = 12_000 // two heartbeats and some: then the line counts as broken
const retry = 2_000

/** Follows an event stream of the API while the page is visible. */
export function useFeed(path: string): Feed {
  const [feed, setFeed] = useState<Feed>(nothing)
  useEffect(() => {
    setFeed(nothing)
    let source: EventSource | undefined
    let timer: number | undefined
    let heardAt = Date.now()

    const heard = (change: (f: Feed) => Partial<Feed>) => {
      heardAt = Date.now()
      setFeed((f) => ({ ...f, line: 'alive', heardAt, ...change(f) }))
    }
    const on = (name: string, change: (data: unknown, before: Feed) => Partial<Feed>) =>
      source?.addEventListener(name, (e) => {
        const data: unknown = JSON.parse((e as MessageEvent<string>).data)
        heard((f) => change(data, f))
      })
    const open = () => {
      close()
      source = new EventSource(path)
      on('streams', (d) => ({ streams: d as Stream[] }))
      on('stream', (d) => ({ stream: d as Stream }))
      on('gone', () => ({ stream: 'gone' }))
      on('network', (d, f) => ({ network: d as Network, chainOffset: chainOffset(d as Network, f) }))
      on('beat', (d) => ({ clockOffset: Date.parse((d as { now: string }).now) - Date.now() }))
      source.onerror = broken
      timer = window.setInterval(() => Date.now() - heardAt > silence && broken(), 1000)
    }
    const broken = () => {
      close()
      setFeed((f) => ({ ...f, line: 'broken' }))
      timer = window.setTimeout(open, retry)
    }
    const close = () => {
      source?.close()
      window.clearInterval(timer)
      window.clearTimeout(timer)
    }
    // A page in the background keeps no connection: browsers allow only six to one host.
    const visibility = () => {
      if (document.hidden) close()
      else {
        heardAt = Date.now()
        open()
      }
    }
    document.addEventListener('visibilitychange', visibility)
    open()
    return () => {
      document.removeEventListener('visibilitychange', visibility)
      close()
    }
  }, [path])
  return feed
}

const nothing: Feed = {
  streams: null,
  stream: null,
  network: null,
  line: 'opening',
  heardAt: 0,
  clockOffset: 0,
  chainOffset: 0,
}

/** Only a new block tells the chain's time: between two it stands still. */
function chainOffset(network: Network, before: Feed): number {
  if (before.network?.chain.head === network.chain.head) return before.chainOffset
  return Date.parse(network.chain.time) - Date.now()
}

/** The time, renewed every second, for words like "12 s ago". */
export function useNow(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 1000)
    return () => window.clearInterval(timer)
  }, [])
  return now
}
