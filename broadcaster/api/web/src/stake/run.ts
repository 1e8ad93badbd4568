// Doing it: each step is tried on the node first, then signed by the wallet, then awaited in a block.
import { useRef, useState } from 'preact/hooks'

import type { Problem, Staking } from '../views'
import { readAccount } from './account'
import { type Choice, obstacle, type Step, steps } from './actions'
import { explain, explainLater } from './errors'
import type { Wallet } from './wallet'

export type Phase = 'waits' | 'checking' | 'signing' | 'pending' | 'done'

/** How far the steps of an action are. */
export interface Progress {
  labels: string[]
  /** The step that is under way; labels.length when all are done. */
  at: number
  phase: Phase
  tx: string
  /** The block of the last step, and what all of them cost in wei. */
  block: number
  cost: bigint
  problem: Problem | null
}

interface Mined {
  status: string
  blockNumber: string
  gasUsed: string
  effectiveGasPrice?: string
}

const look = 500 // milliseconds between two looks for a receipt
const patience = 90_000 // milliseconds until the page says that a transaction is slow

/** Runs choices, one at a time. `settled` is called when the last block is known. */
export function useRun(settled: (block: number) => void) {
  const [progress, setProgress] = useState<Progress | null>(null)
  const busy = useRef(false)

  const run = async (choice: Choice, terms: Staking, wallet: Wallet, chainNow: () => number) => {
    if (busy.current) return
    busy.current = true
    const show = (change: Partial<Progress>) => setProgress((p) => (p ? { ...p, ...change } : p))
    let done = 0 // steps
    setProgress({ labels: [], at: 0, phase: 'checking', tx: '', block: 0, cost: 0n, problem: null })
    try {
      // The allowance and the balances of this moment count, not those that the page showed.
      const account = await readAccount(wallet, terms)
      const stop = obstacle(choice, terms, account, chainNow())
      if (stop) return show({ problem: { error: stop, next: '' } })
      const todo = steps(choice, terms, account)
      show({ labels: todo.map((s) => s.label) })
      let cost = 0n
      for (const [at, step] of todo.entries()) {
        show({ at, phase: 'checking', tx: '' })
        const mined = await perform(step, wallet, (phase, tx) => show({ phase, tx }), terms, chainNow)
        cost += BigInt(mined.gasUsed) * BigInt(mined.effectiveGasPrice ?? '0x0')
        done++
        show({ block: Number(mined.blockNumber), cost })
      }
      show({ at: todo.length, phase: 'done' })
      setProgress((p) => {
        if (p) settled(p.block)
        return p
      })
    } catch (e) {
      const words = done > 0 ? explainLater : explain
      show({ problem: e instanceof Told ? e.problem : words(e, terms, chainNow()) })
    } finally {
      busy.current = false
    }
  }
  return { progress, run, forget: () => !busy.current && setProgress(null), busy: progress !== null && progress.problem === null && progress.phase !== 'done' }
}

/** A problem that is in plain words already. */
class Told extends Error {
  constructor(readonly problem: Problem) {
    super(problem.error)
  }
}

async function perform(step: Step, wallet: Wallet, show: (phase: Phase, tx: string) => void, terms: Staking, chainNow: () => number): Promise<Mined> {
  const { provider, account } = wallet
  const call = { from: account, to: step.to, data: step.data }
  await provider.request({ method: 'eth_call', params: [call, 'latest'] }) // a revert shows here, before anybody signs
  show('signing', '')
  const tx = (await provider.request({ method: 'eth_sendTransaction', params: [call] })) as string
  show('pending', tx)
  const mined = await receipt(wallet, tx)
  if (mined.status === '0x1') return mined
  // It held a moment ago, so somebody was faster. The same call tells what it was.
  let problem: Problem = { error: 'The transaction was reverted.', next: 'Only its gas was spent. Load the page anew and try again.' }
  try {
    await provider.request({ method: 'eth_call', params: [call, 'latest'] })
  } catch (e) {
    problem = explain(e, terms, chainNow())
  }
  throw new Told(problem)
}

async function receipt(wallet: Wallet, tx: string): Promise<Mined> {
  const end = Date.now() + patience
  for (;;) {
    // A node that does not answer now says nothing about the transaction: it is out.
    const mined = (await wallet.provider.request({ method: 'eth_getTransactionReceipt', params: [tx] }).catch(() => null)) as Mined | null
    if (mined) return mined
    if (Date.now() > end) {
      throw new Told({ error: 'The transaction is sent, but in no block yet.', next: 'It may still come: look at it in the wallet, where you can speed it up or cancel it.' })
    }
    await new Promise((resolve) => window.setTimeout(resolve, look))
  }
}
