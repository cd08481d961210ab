import type { Epoch, ModuleId, OperatorId, Pubkey } from '../lib/primitives.ts'
import type { ChainView, RegistryAnswers } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'

const HOUR_S = 60 * 60

/** Seconds after which Lido's node operator protocol calls an exit delayed: the early warning. */
export const DELAYED_AFTER_S = 24 * HOUR_S
/** Deadline in seconds where the staking module's own is not known: that of most operators. */
const USUAL_DEADLINE_S = 96 * HOUR_S
/** No deadline is later, whatever a node says that the module says: community operators have it. */
const LATEST_DEADLINE_S = 120 * HOUR_S
/** The chain lets a validator exit 27 h after its activation (mainnet): more is a mistake, or a lie. */
const LONGEST_WAIT_S = 48 * HOUR_S

/** What an open request can have passed. `delayed` is the early warning, the others are deadlines. */
export type Limit = 'delayed' | 'delinquent' | 'module'
export const LIMITS: readonly Limit[] = ['delayed', 'delinquent', 'module']

/** What a staking module takes from an operator's bond for an exit that was proven to be late. */
export type LateFee = {
  /** 1 wei to 32 ETH. */
  readonly wei: bigint
  /** So much for each 32 ETH of the validator's balance, at least once; else once. */
  readonly isForEach32Eth: boolean
}

/** What a staking module says of an operator's exits, as far as it is known. */
export type ModuleTerms = {
  /** `exitDeadlineThreshold` of the staking module, seconds; `undefined` where it is not known. */
  readonly moduleSeconds: number | undefined
  /** `undefined` where it is not known: modules without a bond have none. */
  readonly lateFee?: LateFee | undefined
}
export type ModuleTermsOf = (moduleId: ModuleId, operatorId: OperatorId) => ModuleTerms

/** Whose request it is, and when the protocol asked. */
export type Asked = Pick<ExitRequest, 'moduleId' | 'operatorId' | 'timestamp'>

/** What the deadline of one request follows from, beside its time. */
export type ExitLimit = ModuleTerms & {
  /** Unix seconds from which the chain allows the exit; `undefined` where no node told. */
  readonly possibleFrom: number | undefined
}

export const noLimit: ExitLimit = { moduleSeconds: undefined, possibleFrom: undefined }

/** As far as it is known before anybody looked the validator up. */
export const moduleLimit = (
  { moduleId, operatorId }: Asked,
  termsOf: ModuleTermsOf,
): ExitLimit => ({ ...termsOf(moduleId, operatorId), possibleFrom: undefined })

/** More seconds than this are no limit but a mistake, or a lie. */
const ABSURD_S = 2n ** 31n

/** @param seconds - as the module's `exitDeadlineThreshold` gave it; absurd ones are passed over */
export const parseModuleLimit = (seconds: bigint): number | undefined =>
  seconds > 0n && seconds <= ABSURD_S ? Number(seconds) : undefined

/** A whole stake, and more than any module takes for a day or two. */
const ABSURD_FEE_WEI = 32n * 10n ** 18n

/** @param wei - as the module's parameters gave it; nothing, and absurd ones, are passed over */
export const parseLateFee = (wei: bigint, isForEach32Eth: boolean): LateFee | undefined =>
  wei > 0n && wei <= ABSURD_FEE_WEI ? { wei, isForEach32Eth } : undefined

/**
 * What the exit costs once it is late, and the unix time in seconds from which it is.
 *
 * @returns `undefined` unless the module tells both
 */
export function lateCostOf(
  asked: Pick<Asked, 'timestamp'>,
  limit: ExitLimit,
): (LateFee & { readonly from: number }) | undefined {
  const { moduleSeconds, lateFee } = limit
  if (moduleSeconds === undefined || lateFee === undefined) return undefined
  return { ...lateFee, from: startOf(asked, limit) + moduleSeconds }
}

/**
 * When the chain allows the exit: SHARD_COMMITTEE_PERIOD after the activation. Of several nodes
 * the earliest counts, so that none of them can put an alarm off.
 *
 * @param now - unix ms
 * @returns unix seconds; `undefined` where no node knows the validator under this key
 */
export function exitPossibleFrom(
  pubkey: Pubkey,
  answers: RegistryAnswers | undefined,
  chain: ChainView | undefined,
  now: number,
): number | undefined {
  let earliest: Epoch | undefined
  for (const { entry } of answers?.head ?? []) {
    if (entry?.pubkey !== pubkey) continue
    if (earliest === undefined || entry.activationEpoch < earliest) earliest = entry.activationEpoch
  }
  if (chain?.epochStart === undefined || earliest === undefined) return undefined
  const epoch = (earliest + chain.shardCommitteePeriod) as Epoch
  const seconds = Math.floor(now / 1_000)
  const start = chain.epochStart(epoch)
  // The head is past it although the clock is not: then the clock says nothing here.
  if (epoch <= chain.currentEpoch && start > seconds) return undefined
  return Math.min(start, seconds + LONGEST_WAIT_S)
}

/** Unix seconds at which the clock of the deadlines starts. */
const startOf = ({ timestamp }: Pick<Asked, 'timestamp'>, { possibleFrom }: ExitLimit): number =>
  Math.max(timestamp, possibleFrom ?? 0)

/** Seconds from the start of the clock to the deadline. */
export const allowedSeconds = (moduleSeconds: number | undefined): number =>
  Math.min(moduleSeconds ?? USUAL_DEADLINE_S, LATEST_DEADLINE_S)

/** Seconds since the protocol asked; 0 while our clock is behind it. */
export const ageOf = ({ timestamp }: Pick<Asked, 'timestamp'>, now: number): number =>
  Math.max(0, Math.floor(now / 1_000) - timestamp)

/** Unix seconds by which a block must hold the exit. */
export const deadlineOf = (asked: Pick<Asked, 'timestamp'>, limit: ExitLimit): number =>
  startOf(asked, limit) + allowedSeconds(limit.moduleSeconds)

/**
 * Seconds until the deadline; negative when it has passed.
 *
 * @param now - unix ms
 */
export const timeLeft = (asked: Pick<Asked, 'timestamp'>, now: number, limit: ExitLimit): number =>
  deadlineOf(asked, limit) - Math.floor(now / 1_000)

/** Unix seconds at which each limit is reached; without `module` where the module names none. */
export function limitTimes(
  asked: Pick<Asked, 'timestamp'>,
  limit: ExitLimit,
): readonly { readonly name: Limit; readonly at: number }[] {
  const start = startOf(asked, limit)
  const { moduleSeconds } = limit
  return [
    { name: 'delayed' as const, at: start + DELAYED_AFTER_S },
    { name: 'delinquent' as const, at: deadlineOf(asked, limit) },
    ...(moduleSeconds === undefined
      ? []
      : [{ name: 'module' as const, at: start + moduleSeconds }]),
  ]
}

/** @param now - unix ms */
export const passedLimits = (
  asked: Pick<Asked, 'timestamp'>,
  now: number,
  limit: ExitLimit,
): readonly Limit[] =>
  limitTimes(asked, limit)
    .filter(({ at }) => Math.floor(now / 1_000) > at)
    .map(({ name }) => name)

/** `3 d 4 h`, `5 h 10 min`, `7 min`; `overdue by …` for a negative one. */
export function describeTimeLeft(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60)
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24]
  const text =
    days > 0
      ? `${days} d ${hours} h`
      : hours > 0
        ? `${hours} h ${minutes % 60} min`
        : `${minutes} min`
  return seconds < 0 ? `overdue by ${text}` : text
}
