// What went wrong, in plain words and with the next step. Everything here is pure.
import { decodeErrorResult, type Hex } from 'viem'

import { duration, money } from '../format'
import type { Problem, Staking } from '../views'
import { stakingABI, tokenABI } from './abi'

/** Whether an error is the person's own no, and so nothing to explain. */
export function declined(e: unknown): boolean {
  return (e as { code?: number } | null)?.code === 4001
}

/** The same after an earlier step of the action is done. */
export function explainLater(e: unknown, terms: Staking, chainNow: number): Problem {
  if (declined(e)) return { error: 'You declined in the wallet: the first step is done, the second was not sent.', next: 'Go on when you like, with one signature.' }
  return explain(e, terms, chainNow)
}

/** Any error of a wallet, a node or a contract, as a person needs it. */
export function explain(e: unknown, terms: Staking, chainNow: number): Problem {
  const data = revertData(e)
  if (data) return explainRevert(data, terms, chainNow)
  const { code, message } = root(e)
  if (code === 4001) return { error: 'You declined in the wallet, nothing was sent.', next: 'Try again when you like.' }
  if (code === -32002) return { error: 'The wallet is waiting for your answer already.', next: 'Open the wallet and answer there.' }
  if (code === 4100 || code === 4900 || code === 4901) return { error: 'The wallet is locked or offline.', next: 'Unlock it and connect again.' }
  if (/insufficient funds/i.test(message)) return { error: `The wallet has too little ${terms.coin} for gas.`, next: `Send some ${terms.coin} to it, then try again.` }
  if (/nonce too low|replacement transaction/i.test(message)) {
    return { error: 'Another transaction of this account is in the way.', next: 'Wait until it is in a block, then try again.' }
  }
  if (e instanceof TypeError || /fetch|network|timeout/i.test(message)) {
    return { error: "The wallet's node does not answer.", next: 'Check the connection, or choose another node in the wallet; nothing was sent.' }
  }
  return { error: `The wallet said: ${message.slice(0, 200) || 'nothing'}.`, next: 'Nothing was sent. Try again, or use the command line: castnet stake.' }
}

/** The innermost message: wallets wrap the node's error in their own. */
function root(e: unknown): { code: number; message: string } {
  let code = 0
  let message = ''
  for (let x = e, depth = 0; typeof x === 'object' && x !== null && depth < 6; depth++) {
    const { code: c, message: m, data, cause } = x as { code?: unknown; message?: unknown; data?: unknown; cause?: unknown }
    if (typeof c === 'number' && code === 0) code = c
    if (typeof m === 'string') message = m
    x = typeof data === 'object' ? (data as { originalError?: unknown } | null)?.originalError ?? data : cause
  }
  return { code, message }
}

/** The bytes that a contract reverted with, wherever the wallet has put them. */
function revertData(e: unknown, depth = 0): Hex | null {
  if (typeof e === 'string') return /^0x([0-9a-f]{8,})$/i.test(e) ? (e as Hex) : null
  if (typeof e !== 'object' || e === null || depth > 6) return null
  const { data, error, originalError, cause } = e as Record<string, unknown>
  for (const inner of [data, error, originalError, cause]) {
    const found = revertData(inner, depth + 1)
    if (found) return found
  }
  return null
}

type Args = readonly unknown[]

/**
 * The contracts' errors that a staker can meet. The rest have to do with running an orchestrator or with governance, and
 * are named as they are.
 */
export const words: Record<string, (args: Args, terms: Staking, chainNow: number) => Problem> = {
  ZeroAmount: () => ({ error: 'The amount is 0, or too small to be a share.', next: 'Choose a larger one.' }),
  InsufficientStake: ([, available], t) => ({
    error: `Only ${money(`${available}`, t.token)} are there.`,
    next: 'Choose that or less: slashing may have taken some since the page was drawn.',
  }),
  MoveRunning: ([, until], _, now) => ({
    error: `A part of this stake was moved a short while ago and cannot leave for another ${duration(Number(until) - now / 1000)}.`,
    next: 'Choose less, or wait until then.',
  }),
  SamePool: () => ({ error: 'The stake is there already.', next: 'Choose another orchestrator.' }),
  OwnerCannotMove: () => ({ error: 'An owner cannot move stake out of its own pool, nor into it.', next: 'Unbond it instead.' }),
  PoolWornOut: () => ({ error: 'The shares of this pool are worth next to nothing after slashing, or far too much: it takes no more stake.', next: 'Choose another orchestrator.' }),
  NotRegistered: () => ({ error: 'Nobody is registered under this address as an orchestrator.', next: 'Choose one from the Network page.' }),
  NotReleased: ([, releaseAt], _, now) => {
    const left = Number(releaseAt) - now / 1000
    return left > 0
      ? { error: `This stake unlocks in ${duration(left)}.`, next: 'Withdraw it then, or put it back to work now.' }
      : { error: 'This stake was withdrawn or put back to work already.', next: 'Load the page anew to see where it is.' }
  },
  ERC20InsufficientBalance: ([, balance, needed], t) => ({
    error: `The wallet holds ${money(`${balance}`, t.token)}, this needs ${money(`${needed}`, t.token)}.`,
    next: 'Choose a smaller amount.',
  }),
  ERC20InsufficientAllowance: ([, allowance, needed], t) => ({
    error: `The staking contract may take ${money(`${allowance}`, t.token)}, this needs ${money(`${needed}`, t.token)}.`,
    next: 'Try again: the page asks for the larger allowance first.',
  }),
}

function explainRevert(data: Hex, terms: Staking, chainNow: number): Problem {
  for (const abi of [stakingABI, tokenABI]) {
    try {
      const { errorName, args } = decodeErrorResult({ abi: abi as readonly unknown[] as typeof stakingABI, data })
      const known = words[errorName]
      if (known) return known((args ?? []) as Args, terms, chainNow)
      const list = ((args ?? []) as Args).map(String).join(', ')
      return { error: `The contract refuses: ${errorName}(${list}).`, next: 'Nothing was sent. Load the page anew: something may have changed since it was drawn.' }
    } catch {
      // not one of this contract's
    }
  }
  return { error: `The contract refuses, with ${data.slice(0, 10)}.`, next: 'Nothing was sent. Load the page anew: something may have changed since it was drawn.' }
}
