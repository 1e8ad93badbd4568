// The address bar holds the state of pages: where one is, and what is chosen there.
import { useEffect, useState } from 'preact/hooks'

const moved = 'castnet:moved'

/** Goes to another page of the application. */
export function go(href: string): void {
  history.pushState(null, '', href)
  window.scrollTo(0, 0)
  window.dispatchEvent(new Event(moved))
}

/** Sets or removes one parameter of the address, without a new entry in the history. */
export function setQuery(name: string, value: string | null): void {
  setQueries({ [name]: value })
}

/** Sets or removes several at once. */
export function setQueries(values: Record<string, string | null>): void {
  const url = new URL(location.href)
  for (const [name, value] of Object.entries(values)) {
    if (value === null) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  history.replaceState(null, '', url)
  window.dispatchEvent(new Event(moved))
}

function useAddress(): string {
  const [address, setAddress] = useState(location.pathname + location.search)
  useEffect(() => {
    const update = () => setAddress(location.pathname + location.search)
    window.addEventListener('popstate', update)
    window.addEventListener(moved, update)
    return () => {
      window.removeEventListener('popstate', update)
      window.removeEventListener(moved, update)
    }
  }, [])
  return address
}

/** The path of the page, kept up to date. */
export function usePath(): string {
  useAddress()
  return location.pathname
}

/** The parameters of the address, kept up to date. */
export function useQuery(): URLSearchParams {
  useAddress()
  return new URLSearchParams(location.search)
}

/** Fills an address in: {host} and {origin} are those that this page was opened at, which publishers and players reach as well. */
export function fill(template: string, values: { key?: string; id?: string }): string {
  const known: Record<string, string> = { host: location.hostname || '127.0.0.1', origin: location.origin }
  if (values.key !== undefined) known.key = values.key
  if (values.id !== undefined) known.id = encodeURIComponent(values.id)
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => known[name] ?? whole)
}
