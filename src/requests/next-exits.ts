import { isExiting, type RegistryEntry } from '../consensus/registry.ts'
import type {
  Address,
  Bytes32,
  Epoch,
  ModuleId,
  OperatorId,
  Pubkey,
  Slot,
  ValidatorIndex,
} from '../lib/primitives.ts'
import type { RequestState } from './derive.ts'
import type { ExitRequest } from './exit-request.ts'

/** A key that a staking module lists for an operator, with what the beacon chain says of it. */
export type OperatorKey = {
  readonly pubkey: Pubkey
  /** `undefined`: the beacon chain does not know the key yet. */
  readonly index: ValidatorIndex | undefined
  /** Beacon API status, for people. */
  readonly status: string
}
export type IndexedKey = OperatorKey & { readonly index: ValidatorIndex }

/** The finalized beacon block at which keys were looked up, and its execution block. */
export type FinalizedSnapshot = {
  readonly epoch: Epoch
  readonly root: Bytes32
  readonly slot: Slot
  /** Unix seconds. */
  readonly timestamp: number
  /** `undefined` where the node does not give the block. */
  readonly blockNumber: number | undefined
  readonly blockHash: Bytes32 | undefined
}

/**
 * The validators of one operator in the order in which the oracle asks for them. Which keys there
 * are is the word of one execution node: a lie misleads what is signed, never what exits.
 */
export type OperatorOrder = {
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  readonly moduleAddress: Address
  /** For people; `undefined` where the module has no names. */
  readonly name: string | undefined
  readonly keys: readonly OperatorKey[]
  /** Validators that the module wants gone whatever the demand (`targetLimitMode` 2). */
  readonly overTarget: number
  readonly snapshot: FinalizedSnapshot
  /** Unix ms. */
  readonly readAt: number
}

/** Mainnet's VALIDATOR_DELAYED_TIMEOUT_IN_SLOTS: 100,800 slots of 12 s. Seconds. */
const ASKED_AGAIN_AFTER_S = 14 * 24 * 3_600
/** The protocol suggests to have the first tenth signed. */
export const SUGGESTED_PERCENT = 10

/**
 * Ascending by validator index, without those that exit or consolidate into another validator;
 * keys that the beacon chain does not know yet come last, in the order of the module.
 *
 * @param keys - with validators, in the order of the module
 */
export function orderKeys(
  keys: readonly Pubkey[],
  registry: ReadonlyMap<Pubkey, RegistryEntry>,
  consolidating: ReadonlySet<ValidatorIndex>,
): readonly OperatorKey[] {
  const known: IndexedKey[] = []
  const unknown: OperatorKey[] = []
  for (const pubkey of new Set(keys)) {
    const entry = registry.get(pubkey)
    if (entry === undefined) unknown.push({ pubkey, index: undefined, status: 'unknown' })
    else if (!isExiting(entry) && !consolidating.has(entry.index)) {
      known.push({ pubkey, index: entry.index, status: entry.status })
    }
  }
  return [...known.sort((a, b) => a.index - b.index), ...unknown]
}

type Asked = Pick<ExitRequest, 'moduleId' | 'operatorId' | 'validatorIndex' | 'timestamp'>

/** Of what a cycle found, the requests that count as made: proven ones. */
export const provenRequests = <Request extends Asked>(
  cases: readonly { readonly request: Request; readonly state: RequestState }[],
): readonly Request[] =>
  cases.flatMap(({ request, state }) => (state === 'seen' || state === 'unproven' ? [] : [request]))

/** The same order without validators that were asked for in the 14 days before its snapshot. */
export function withoutAsked(order: OperatorOrder, proven: readonly Asked[]): OperatorOrder {
  const since = order.snapshot.timestamp - ASKED_AGAIN_AFTER_S
  const asked = new Set(
    proven.flatMap(({ moduleId, operatorId, validatorIndex, timestamp }) =>
      moduleId === order.moduleId && operatorId === order.operatorId && timestamp >= since
        ? [validatorIndex]
        : [],
    ),
  )
  const keys = order.keys.filter(({ index }) => index === undefined || !asked.has(index))
  return { ...order, keys }
}

/** How much of an order is wanted. A percentage is of the keys with an index. */
export type Portion = { readonly count: number } | { readonly percent: number }

export const indexedKeys = (keys: readonly OperatorKey[]): readonly IndexedKey[] =>
  keys.filter((key): key is IndexedKey => key.index !== undefined)

/** The first keys of an order: ⌈n · percent / 100⌉ of those with an index, or so many of all. */
export function firstOf(keys: readonly OperatorKey[], portion: Portion): readonly OperatorKey[] {
  if ('count' in portion) return keys.slice(0, portion.count)
  const indexed = indexedKeys(keys)
  const percent = Math.min(portion.percent, 100)
  return indexed.slice(0, Math.ceil((indexed.length * percent) / 100))
}

/** How far the messages reach. */
export type Runway = {
  /** Keys in the order, those without an index included. */
  readonly keys: number
  /** The first 10 %, in validators. */
  readonly suggested: number
  /** How many of the suggested ones have a message. */
  readonly signed: number
  /** Requests in a row that can be served before the first one lacks a message. */
  readonly runway: number
  /** The first ones that lack a message, in order. */
  readonly missing: readonly IndexedKey[]
}
/** So many of them are told. */
const MAX_MISSING = 20

export function runwayOf(
  keys: readonly OperatorKey[],
  isSigned: (index: ValidatorIndex) => boolean,
): Runway {
  const indexed = indexedKeys(keys)
  const suggested = indexedKeys(firstOf(keys, { percent: SUGGESTED_PERCENT }))
  const first = indexed.findIndex(({ index }) => !isSigned(index))
  const rest = first === -1 ? [] : indexed.slice(first)
  return {
    keys: keys.length,
    suggested: suggested.length,
    signed: suggested.filter(({ index }) => isSigned(index)).length,
    runway: first === -1 ? indexed.length : first,
    missing: rest.filter(({ index }) => !isSigned(index)).slice(0, MAX_MISSING),
  }
}
