// Stake: what do I have, what does it earn, when can I leave.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { useResource } from '../data'
import { type Feed, useFeed, useNow } from '../feed'
import { money, short } from '../format'
import { Identity, Snippet, Warnings } from '../parts'
import { Shell } from '../shell'
import { setQueries, useQuery } from '../url'
import type { Network, Problem, Staker, Staking } from '../views'
import { useAccount } from './account'
import { explain } from './errors'
import { Panel } from './panel'
import { type Do, Figures, Leaving, Offers, Positions } from './positions'
import { chainName, type Found, switchChain, useWallet, useWallets, type Wallet } from './wallet'

export function StakePage() {
  const feed = useFeed('/api/v1/events')
  const terms = useResource<Staking>('/api/v1/staking', feed.line === 'alive' ? 1 : 0)
  return (
    <Shell feed={feed} page="stake" title="Stake">
      <main class="stake">
        {terms.problem && !terms.data && <Warnings list={[{ text: `${capital(terms.problem.error)}.`, next: `${capital(terms.problem.next)}.` }]} />}
        {feed.network?.chain.problem && (
          <Warnings list={[{ text: `The chain does not answer: ${feed.network.chain.problem}.`, next: 'Figures are the last known. Nothing is lost: stake is on the chain.' }]} />
        )}
        {terms.data && feed.network ? <Desk feed={feed} network={feed.network} terms={terms.data} /> : <h1>{'\u00a0'}</h1>}
      </main>
    </Shell>
  )
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** The whole page once the terms of staking are known. */
function Desk({ feed, network, terms }: { feed: Feed; network: Network; terms: Staking }) {
  const query = useQuery()
  const found = useWallets()
  const { wallet, connect, leave } = useWallet(found)
  const looked = query.get('of')
  const of = looked ?? wallet?.account ?? null
  const now = useNow() + feed.chainOffset
  const version = useVersion(network.chain.head)
  const staker = useResource<Staker>(of && `/api/v1/stakers/${of}`, version)
  const { account, again } = useAccount(wallet, terms, version)
  const settled = useSettled(staker.data?.block ?? 0, () => void Promise.all([staker.again(), again()]))
  const act: Do = (kind, orchestrator, unbonding) =>
    setQueries({ do: kind, with: orchestrator, to: null, id: unbonding === undefined ? null : `${unbonding}` })
  const shown = staker.data ?? nobody(of)
  return (
    <>
      <div class="stake-head">
        <h1>
          {headline(of, staker.data, wallet)} {looked && <Identity id={looked} name="" />}
        </h1>
        <WalletLine wallet={wallet} account={account} terms={terms} leave={leave} />
      </div>
      {staker.problem && <p class="said" role="alert"><strong>{capital(staker.problem.error)}.</strong> {capital(staker.problem.next)}.</p>}
      {wallet && wallet.chainId !== terms.chainId && <WrongChain wallet={wallet} terms={terms} />}
      {of && <Figures staker={shown} network={network} terms={terms} now={now} />}
      <div class="stake-body">
        <div class="stake-lists">
          {of ? (
            <>
              {staker.data && <Positions staker={shown} network={network} terms={terms} now={now} act={act} />}
              <Leaving staker={shown} network={network} terms={terms} now={now} act={act} />
            </>
          ) : (
            <Begin network={network} terms={terms} act={act} />
          )}
        </div>
        <Panel
          staker={shown}
          network={network}
          terms={terms}
          wallet={wallet}
          account={account}
          gate={gate({ wallet, of, terms, found, connect, now })}
          chainNow={() => Date.now() + feed.chainOffset}
          settled={settled}
        />
      </div>
      <Look of={looked} />
    </>
  )
}

function nobody(address: string | null): Staker {
  return { address: address ?? '', block: 0, positions: [], unbondings: [] }
}

function headline(of: string | null, staker: Staker | null, wallet: Wallet | null): string {
  if (of === null) return 'Stake behind those who do the work'
  const nothing = staker !== null && staker.positions.length === 0 && staker.unbondings.length === 0
  if (wallet && of.toLowerCase() === wallet.account.toLowerCase()) return nothing ? 'You have nothing at stake yet' : 'Your stake'
  return nothing ? 'Nothing is staked by' : 'Stake of'
}

/** A number that changes with new blocks, but at most every three seconds. */
function useVersion(head: number): number {
  const [version, setVersion] = useState(head)
  const newest = useRef(head)
  newest.current = head
  useEffect(() => {
    const timer = window.setInterval(() => setVersion(newest.current), 3000)
    return () => window.clearInterval(timer)
  }, [])
  return version
}

/** Asks again and again until what the server knows is as new as a block. */
function useSettled(known: number, ask: () => void): (block: number) => void {
  const [block, setBlock] = useState(0)
  const newest = useRef(ask)
  newest.current = ask
  const waits = block > known
  useEffect(() => {
    if (!waits) return
    newest.current()
    const timer = window.setInterval(() => newest.current(), 700)
    return () => window.clearInterval(timer)
  }, [waits])
  return setBlock
}

function WalletLine({ wallet, account, terms, leave }: { wallet: Wallet | null; account: { tokens: bigint; coins: bigint } | null; terms: Staking; leave: () => void }) {
  if (!wallet) return null
  return (
    <p class="wallet" data-testid="wallet">
      <span class="quiet">{wallet.name}</span> <Identity id={wallet.account} name="" />
      {account && (
        <span class="wallet-holds">
          {money(`${account.tokens}`, terms.token)} <span class="quiet">and</span> <span class="money">{money(`${account.coins}`, terms.coin)}</span>
        </span>
      )}
      <button type="button" class="plain" onClick={leave}>
        Disconnect
      </button>
    </p>
  )
}

/** The wallet is elsewhere: both chains named, and the way back. */
function WrongChain({ wallet, terms }: { wallet: Wallet; terms: Staking }) {
  return (
    <div class="warnings" data-testid="wrong-chain" role="alert">
      <p>
        <strong>Your wallet is on {chainName(wallet.chainId)}.</strong> This stake is on {terms.chainName} (chain {terms.chainId}): nothing can be
        signed until the wallet is there too.
      </p>
      <Switch wallet={wallet} terms={terms} />
    </div>
  )
}

function Switch({ wallet, terms }: { wallet: Wallet; terms: Staking }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const go = async () => {
    setProblem(null)
    try {
      await switchChain(wallet.provider, { chainId: terms.chainId, chainName: terms.chainName, rpc: terms.rpc ?? '', coin: terms.coin })
    } catch (e) {
      setProblem(explain(e, terms, Date.now()))
    }
  }
  return (
    <>
      <button type="button" class="primary" onClick={go} data-testid="switch">
        Switch the wallet to {terms.chainName}
      </button>
      {problem && <p class="said" role="alert"><strong>{problem.error}</strong> {problem.next}</p>}
    </>
  )
}

interface Gate {
  wallet: Wallet | null
  of: string | null
  terms: Staking
  found: Found[]
  connect: (f: Found) => Promise<void>
  now: number
}

/** What stands between the person and signing; null where nothing does. */
function gate({ wallet, of, terms, found, connect, now }: Gate): ComponentChildren {
  if (!wallet) return <Connect found={found} connect={connect} terms={terms} now={now} />
  if (wallet.chainId !== terms.chainId) {
    return <p class="quiet">Your wallet is on {chainName(wallet.chainId)}. Switch it to {terms.chainName} (chain {terms.chainId}) to sign.</p>
  }
  if (of && of.toLowerCase() !== wallet.account.toLowerCase()) {
    return (
      <p class="quiet">
        This is the stake of {short(of)}, your wallet is {short(wallet.account)}.{' '}
        <button type="button" class="plain" onClick={() => setQueries({ of: null })}>
          Show mine
        </button>
      </p>
    )
  }
  return null
}

/** One button a wallet, or what to do without one. */
function Connect({ found, connect, terms, now }: { found: Found[]; connect: (f: Found) => Promise<void>; terms: Staking; now: number }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [asking, setAsking] = useState(false)
  const go = async (f: Found) => {
    setProblem(null)
    setAsking(true)
    try {
      await connect(f)
    } catch (e) {
      setProblem(explain(e, terms, now))
    }
    setAsking(false)
  }
  if (found.length === 0) {
    return (
      <p class="quiet" data-testid="no-wallet">
        No wallet is in this browser. Install one that speaks EIP-1193, such as MetaMask or Rabby, or use the command line:
        <Snippet text="castnet stake status" label="the command" />
      </p>
    )
  }
  return (
    <div class="connect">
      {found.map((f) => (
        <button key={f.id} type="button" class="primary" disabled={asking} onClick={() => go(f)} data-testid="connect">
          {asking ? 'Answer in the wallet' : `Connect ${f.name}`}
        </button>
      ))}
      {problem && <p class="said" role="alert"><strong>{problem.error}</strong> {problem.next}</p>}
    </div>
  )
}

/** What somebody reads who is here for the first time. */
function Begin({ network, terms, act }: { network: Network; terms: Staking; act: Do }) {
  return (
    <section class="begin" data-testid="begin">
      <p>
        Put {terms.token} behind an orchestrator: it is drawn for work more often, and shares what it earns with you: new {terms.token} every round, and
        part of the fees in {terms.coin}. If it is proven to lie, its own stake pays, then yours.
      </p>
      <Offers network={network} terms={terms} act={act} />
    </section>
  )
}

/** Anybody's stake can be looked at. */
function Look({ of }: { of: string | null }) {
  const [problem, setProblem] = useState('')
  return (
    <form
      class="look"
      onSubmit={(e) => {
        e.preventDefault()
        const address = new FormData(e.currentTarget).get('address')?.toString().trim() ?? ''
        const good = address === '' || /^0x[0-9a-fA-F]{40}$/.test(address)
        setProblem(good ? '' : 'An address is 0x and 40 hexadecimal digits.')
        if (good) setQueries({ of: address || null })
      }}
    >
      <label class="field">
        <span>Look at another address</span>
        <span class="look-row">
          <input name="address" class="hash" placeholder="0x…" autoComplete="off" spellcheck={false} defaultValue={of ?? ''} key={of} data-testid="look" />
          <button type="submit">Show</button>
        </span>
      </label>
      {problem && <p class="field-problem" role="alert">{problem}</p>}
    </form>
  )
}
