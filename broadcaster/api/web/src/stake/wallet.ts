// Browser wallets by EIP-1193, found by EIP-6963 or as window.ethereum. The page never sees a key.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

export interface Provider {
  request(call: { method: string; params?: readonly unknown[] }): Promise<unknown>
  on?(event: string, listener: (value: unknown) => void): void
  removeListener?(event: string, listener: (value: unknown) => void): void
}

export interface Found {
  id: string
  name: string
  provider: Provider
}

/** The wallet in use: null while none is connected. */
export interface Wallet {
  name: string
  provider: Provider
  account: string
  chainId: number
}

interface Announcement {
  info: { uuid: string; name: string }
  provider: Provider
}

declare global {
  interface Window {
    ethereum?: Provider
  }
}

/** The wallets of this browser. */
export function useWallets(): Found[] {
  const [found, setFound] = useState<Found[]>(() => (window.ethereum ? [{ id: 'injected', name: 'Browser wallet', provider: window.ethereum }] : []))
  useEffect(() => {
    const heard = (e: Event) => {
      const { info, provider } = (e as CustomEvent<Announcement>).detail
      // A wallet that announces itself is also window.ethereum: its own name is the better one.
      setFound((list) => [...list.filter((f) => f.id !== info.uuid && f.provider !== provider && f.id !== 'injected'), { id: info.uuid, name: info.name, provider }])
    }
    window.addEventListener('eip6963:announceProvider', heard)
    window.dispatchEvent(new Event('eip6963:requestProvider'))
    return () => window.removeEventListener('eip6963:announceProvider', heard)
  }, [])
  return found
}

const remembered = 'castnet:wallet'

/**
 * The connected wallet and how to connect one. A wallet that was connected before is taken up again without asking; one
 * that was let go here is not.
 */
export function useWallet(found: Found[]) {
  const [wallet, setWallet] = useState<Wallet | null>(null)
  const stop = useRef<() => void>()

  const take = useCallback(async (f: Found, ask: boolean) => {
    const { provider } = f
    const look = async () => {
      const [accounts, chain] = await Promise.all([provider.request({ method: 'eth_accounts' }), provider.request({ method: 'eth_chainId' })])
      const account = (accounts as string[])[0]
      setWallet(account ? { name: f.name, provider, account, chainId: Number(chain) } : null)
      return account !== undefined
    }
    if (ask) await provider.request({ method: 'eth_requestAccounts' })
    if (!(await look())) return
    localStorage.setItem(remembered, f.name)
    stop.current?.()
    const changed = () => void look().catch(() => setWallet(null))
    const events = ['accountsChanged', 'chainChanged', 'disconnect']
    for (const e of events) provider.on?.(e, changed)
    stop.current = () => {
      for (const e of events) provider.removeListener?.(e, changed)
    }
  }, [])

  useEffect(() => {
    const last = found.find((f) => f.name === localStorage.getItem(remembered))
    if (last) take(last, false).catch(() => {}) // it is locked, or gone: the button is still there
  }, [found, take])
  useEffect(() => () => stop.current?.(), [])

  const leave = useCallback(() => {
    stop.current?.()
    localStorage.removeItem(remembered)
    setWallet(null)
  }, [])
  return { wallet, connect: useCallback((f: Found) => take(f, true), [take]), leave }
}

/** Asks the wallet to go to another chain, and teaches it the chain where it does not know it. */
export async function switchChain(provider: Provider, chain: { chainId: number; chainName: string; rpc: string; coin: string }): Promise<void> {
  const chainId = `0x${chain.chainId.toString(16)}`
  try {
    await provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] })
  } catch (e) {
    if ((e as { code?: number }).code !== 4902 || !chain.rpc) throw e
    await provider.request({
      method: 'wallet_addEthereumChain',
      params: [{ chainId, chainName: chain.chainName, rpcUrls: [chain.rpc], nativeCurrency: { name: chain.coin, symbol: chain.coin, decimals: 18 } }],
    })
  }
}

const known: Record<number, string> = {
  1: 'Ethereum', 10: 'OP Mainnet', 56: 'BNB Smart Chain', 100: 'Gnosis', 137: 'Polygon', 8453: 'Base', 17000: 'Holesky', 42161: 'Arbitrum One',
  421614: 'Arbitrum Sepolia', 84532: 'Base Sepolia', 11155111: 'Sepolia',
}

/** What people call a chain. */
export function chainName(id: number): string {
  return known[id] ? `${known[id]} (chain ${id})` : `chain ${id}`
}
