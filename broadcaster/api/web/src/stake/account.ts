// What the chain says of the connected account, asked through its own wallet.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'

import type { Staking } from '../views'
import { tokenABI } from './abi'
import type { Account } from './actions'
import type { Wallet } from './wallet'

/** Balances, allowance and gas price. */
export async function readAccount(wallet: Wallet, terms: Staking): Promise<Account> {
  const address = wallet.account as Hex
  const ask = async (method: string, ...params: unknown[]) => (await wallet.provider.request({ method, params })) as Hex
  const view = (data: Hex) => ask('eth_call', { to: terms.tokenContract, data }, 'latest')
  const [coins, gasPrice, tokens, allowance] = await Promise.all([
    ask('eth_getBalance', address, 'latest'),
    ask('eth_gasPrice'),
    view(encodeFunctionData({ abi: tokenABI, functionName: 'balanceOf', args: [address] })),
    view(encodeFunctionData({ abi: tokenABI, functionName: 'allowance', args: [address, terms.stakingContract as Hex] })),
  ])
  return {
    address,
    coins: BigInt(coins),
    gasPrice: BigInt(gasPrice),
    tokens: decodeFunctionResult({ abi: tokenABI, functionName: 'balanceOf', data: tokens }),
    allowance: decodeFunctionResult({ abi: tokenABI, functionName: 'allowance', data: allowance }),
  }
}

/** The same, kept fresh: asked anew when `version` changes. Null while it is unknown, or the wallet is on another chain. */
export function useAccount(wallet: Wallet | null, terms: Staking | null, version: number) {
  const [account, setAccount] = useState<Account | null>(null)
  const newest = useRef(0)
  const usable = wallet !== null && terms !== null && wallet.chainId === terms.chainId
  const again = useCallback(async () => {
    const turn = ++newest.current
    if (!usable) return setAccount(null)
    try {
      const fresh = await readAccount(wallet, terms)
      if (turn === newest.current) setAccount(fresh)
    } catch {
      // what was known stays; an action asks again, and explains what fails
    }
  }, [wallet, terms, usable])
  useEffect(() => {
    void again()
  }, [again, version])
  return { account, again }
}
