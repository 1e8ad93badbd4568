// Data that is asked for once in a while, rather than streamed.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

import type { Problem } from './views'

export interface Asked<T> {
  data: T | null
  /** Why there is no newer data. */
  problem: Problem | null
  /** Asks now. */
  again: () => Promise<void>
}

/** What a resource of the API holds. It is asked for anew when `version` changes; a null path asks for nothing. */
export function useResource<T>(path: string | null, version: number): Asked<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; problem: Problem | null }>({ path, data: null, problem: null })
  const newest = useRef(0)
  const again = useCallback(async () => {
    if (path === null) return
    const turn = ++newest.current
    const answer = await ask<T>(path)
    if (turn !== newest.current) return // a later question is on its way, or answered
    setState((s) => ({ path, data: answer.data ?? (s.path === path ? s.data : null), problem: answer.problem }))
  }, [path])
  useEffect(() => {
    void again()
  }, [again, version])
  const fresh = state.path === path
  return { data: fresh ? state.data : null, problem: fresh ? state.problem : null, again }
}

async function ask<T>(path: string): Promise<{ data: T | null; problem: Problem | null }> {
  try {
    const response = await fetch(path)
    const body: unknown = await response.json()
    return response.ok ? { data: body as T, problem: null } : { data: null, problem: body as Problem }
  } catch {
    return { data: null, problem: { error: 'The server does not answer.', next: 'The page asks again by itself.' } }
  }
}
