// The views that the API sends, as broadcaster/api/*_view.go documents them. Amounts are exact decimal strings of wei.

export type Health = 'good' | 'fair' | 'bad' | 'unknown'
export type Stop = 'in' | 'segments' | 'orchestrator' | 'verified' | 'paid'

export interface Warning {
  text: string
  next: string
}

export interface Rendition {
  name: string
  width: number
  height: number
  bitrate: number
  fps: number
  codec: string
  own?: boolean
  whep: boolean
  whyNot?: string
}

export interface Service {
  id: string
  name: string
  why: string
  url: string
  roundTripMs: number
  stakeShare: number
  since: string
  standby?: string
  lease?: unknown
}

export interface Target {
  rendition: string
  server: string
  state: 'idle' | 'connecting' | 'live' | 'pausing' | 'impossible'
  since: string
  bytes: number
  restarts: number
  lastError?: string
}

export interface Stream {
  id: string
  state: 'starting' | 'live' | 'waiting' | 'ended'
  startedAt: string
  ended?: string
  input: {
    protocol: string
    codec: string
    audio: string
    width: number
    height: number
    fps: number
    bitrate: number
    gopSeconds: number
    bFrames: boolean
    driftSeconds: number
    missing: number
    pictures: number
    irregular: boolean
    remote: string
    health: Health
    advice: string
    moreAdvice: string[]
  }
  segments: { count: number; lastSeconds: number }
  renditions: Rendition[]
  viewers: number
  /** The servers that the stream is pushed on to. */
  targets?: Target[]
  orchestrator: Service | null
  verified: {
    ok: number
    failed: number
    lastFailure?: string
    checks: { name: string; ok: number; failed: number }[]
    receipt?: unknown
  }
  paid: {
    ticketsSent: number
    evWei: string
    feesWei: string
    redeemed: number
    redeemedWei: string
    ticket?: unknown
  }
  events: { at: string; stop: Stop; text: string; level: Health }[]
  warnings: Warning[]
}

export interface Cuts {
  rewardCut: number
  feeShare: number
}

export interface CutChange extends Cuts {
  announcedAt: string
  effectiveAt: string
}

export interface Yield {
  rounds: number
  emission: number
  slashRisk: number
  afterRisk: number
  feesWei: string
}

export interface Orchestrator {
  id: string
  name: string
  uri: string
  stakeWei: string
  selfStakeWei: string
  share: number
  cuts: Cuts
  announced: CutChange | null
  yield: Yield
  active: boolean
  streams: number
  verifiedSegments: number
  failures: number
  success: number
  priceWeiPerMpx: string
  redeemedWei: string
  health: Health
  note: string
}

export interface Network {
  orchestrators: Orchestrator[]
  broadcaster: { address: string; depositWei: string; reserveWei: string; shareWei: string; warnings: Warning[] }
  round: number
  roundEndsAt: string
  chain: { id: number; head: number; time: string; problem?: string; coin: string }
}

/** A way in or out; {host}, {origin}, {key} and {id} in its address are still to be filled in. */
export interface Way {
  protocol: string
  url: string
  note?: string
}

export interface Status {
  version: string
  startedAt: string
  ingest: Way[]
  playback: Way[]
  demoKey: string
}

export interface Staking {
  chainId: number
  chainName: string
  rpc?: string
  tokenContract: string
  stakingContract: string
  token: string
  coin: string
  unbondingSeconds: number
  roundSeconds: number
  slashPart: number
  slashCap: number
  minSelfStakeWei: string
  gas: Record<string, number>
}

export interface Round {
  round: number
  startedAt: string
  stakeWei: string
  emissionWei: string
  emissionCutWei: string
  feesWei: string
  ownerFeesWei: string
  slashedWei: string
}

export interface OrchestratorRecord {
  id: string
  cuts: CutChange[]
  rounds: Round[]
  slashes: { at: string; block: number; amountWei: string; ownerWei: string }[]
}

export interface Position {
  orchestrator: string
  stakeWei: string
  feesWei: string
  /** Of the token: an owner's cut of rewards that it has not claimed. */
  commissionWei?: string
  tied: { from: string; amountWei: string; until: string } | null
}

export interface Unbonding {
  id: number
  orchestrator: string
  amountWei: string
  begunAt: string
  releaseAt: string
}

export interface Staker {
  address: string
  block: number
  positions: Position[]
  unbondings: Unbonding[]
}

/** What the API answers where it cannot do what was asked. */
export interface Problem {
  error: string
  next: string
}
