import type { ModuleId, OperatorId } from '../lib/primitives.ts'
import type { ExitRequest } from './exit-request.ts'

const HOUR_S = 60 * 60

/** Seconds after the request. Lido's node operator protocol for validator exits. */
export const DELAYED_AFTER_S = 24 * HOUR_S
/** Seconds after the request, of the same protocol. The latest deadline that a request can have. */
export const DELINQUENT_AFTER_S = 96 * HOUR_S

/** What an open request can have passed. Only the last two are its deadline. */
export type Limit = 'delayed' | 'delinquent' | 'module'

/** Seconds that a staking module leaves an operator for an exit, where that is known. */
export type ModuleLimitOf = (moduleId: ModuleId, operatorId: OperatorId) => number | undefined

/** Whose request it is, and when the protocol asked. */
export type Asked = Pick<ExitRequest, 'moduleId' | 'operatorId' | 'timestamp'>

/** For whoever does not ask the modules: the two fixed limits are all there is. */
export const noModuleLimits: ModuleLimitOf = () => undefined

/** More seconds than this are no limit but a mistake, or a lie. */
const ABSURD_S = 2n ** 31n

/** @param seconds - as the module's `exitDeadlineThreshold` gave it; absurd ones are passed over */
export const parseModuleLimit = (seconds: bigint): number | undefined =>
  seconds > 0n && seconds <= ABSURD_S ? Number(seconds) : undefined

/** Seconds since the protocol asked; 0 while our clock is behind it. */
export const ageOf = ({ timestamp }: Asked, now: number): number =>
  Math.max(0, Math.floor(now / 1_000) - timestamp)

/**
 * Unix seconds by which the validator must be exiting. A module can only bring it forward: what it
 * says comes from a node, and a node can lie.
 */
export function deadlineOf(asked: Asked, limitOf: ModuleLimitOf): number {
  const module = limitOf(asked.moduleId, asked.operatorId)
  return asked.timestamp + Math.min(DELINQUENT_AFTER_S, module ?? DELINQUENT_AFTER_S)
}

/**
 * Seconds until the deadline; negative when it has passed.
 *
 * @param now - unix ms
 */
export const timeLeft = (asked: Asked, now: number, limitOf: ModuleLimitOf): number =>
  deadlineOf(asked, limitOf) - Math.floor(now / 1_000)

/** @param now - unix ms */
export function passedLimits(asked: Asked, now: number, limitOf: ModuleLimitOf): readonly Limit[] {
  const age = ageOf(asked, now)
  const limits: Readonly<Record<Limit, number | undefined>> = {
    delayed: DELAYED_AFTER_S,
    delinquent: DELINQUENT_AFTER_S,
    module: limitOf(asked.moduleId, asked.operatorId),
  }
  return LIMITS.filter((limit) => age > (limits[limit] ?? Number.POSITIVE_INFINITY))
}

export const LIMITS: readonly Limit[] = ['delayed', 'delinquent', 'module']

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
