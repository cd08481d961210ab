import * as v from 'valibot'
import { DeadlineError } from '../lib/deadline.ts'
import { yieldIfDue } from '../lib/event-loop.ts'
import { type HttpClient, NoAnswerError } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import { loose, parsedBy } from '../lib/parsed-by.ts'
import { type Pubkey, parsePubkey, type ValidatorIndex } from '../lib/primitives.ts'
import { epoch, flag, index, listOf, NodeRefusedError, read } from './answers.ts'
import type { RegistryEntry } from './registry.ts'

export type StateId = 'head' | 'finalized'

/** What a validator may be asked for by. */
export type ValidatorId = ValidatorIndex | Pubkey

/** Validators of one state. Those that the node does not know are left out. */
export type ValidatorStates<Id extends ValidatorId = ValidatorIndex> = {
  readonly optimistic: boolean
  readonly entries: ReadonlyMap<ValidatorIndex, RegistryEntry>
  /**
   * Validators that the node gives an error for, whatever else is asked with them, and its words:
   * they are neither known nor unknown.
   */
  readonly unreadable: ReadonlyMap<Id, string>
}

export type ValidatorsReader = <Id extends ValidatorId>(
  state: StateId,
  ids: readonly Id[],
  signal: AbortSignal,
) => Promise<ValidatorStates<Id>>

/** GET carries ids in the URL: 64 indices stay under the usual 8 KiB limit with room. */
const MAX_IDS_PER_GET = 64
/** What a node cannot do is tried again after this time, ms. */
const REMEMBER_MS = 60 * 60 * 1_000
/** Every chain has this validator: a node that is in order can be asked for it. */
const SOMEBODY = 0 as ValidatorIndex
/** Where GET then works, the node has no POST, or not for us. */
const NO_POST = [400, 403, 404, 405, 501]
const TOO_LONG = [413, 414]

const validatorSchema = v.object({
  index,
  status: v.fallback(v.pipe(v.string(), v.maxLength(40)), 'unknown'),
  validator: v.object({
    pubkey: parsedBy(parsePubkey, 'must be a public key'),
    activation_epoch: epoch,
    exit_epoch: epoch,
    withdrawable_epoch: loose(epoch),
  }),
})
const validatorsSchema = v.object({
  execution_optimistic: v.nullish(flag),
  data: listOf(v.unknown()),
})

/**
 * Reads validators in batches, by POST; where a node has none, by GET. A batch that a node rejects,
 * or that takes it too long, is halved, down to the one validator that it has no answer for. What a
 * node cannot do is remembered for an hour.
 *
 * @param batchSize - ids per request (VALIDATORS_BATCH_SIZE)
 * @param timeoutMs - of one request
 */
export function createValidatorsReader(
  request: HttpClient,
  batchSize: number,
  timeoutMs: number,
  now: () => number,
): ValidatorsReader {
  let limits = noLimits(batchSize)

  /** What the node cannot do, as far as it is known. */
  function known(): Limits {
    const age = now() - (limits.since ?? now())
    // A time ahead was set by a clock that has been set back since.
    if (age < 0 || age >= REMEMBER_MS) limits = noLimits(batchSize)
    return limits
  }
  function note(): Limits {
    const noted = known()
    noted.since ??= now()
    return noted
  }

  const call = async (
    method: 'GET' | 'POST',
    state: StateId,
    ids: readonly ValidatorId[],
    signal: AbortSignal,
  ): Promise<States> => {
    const path = `/eth/v1/beacon/states/${state}/validators`
    const what =
      method === 'POST'
        ? { method, path, body: { ids: ids.map(String) } }
        : { method, path: `${path}?${ids.map((id) => `id=${id}`).join('&')}` }
    const answer = await request({ ...what, timeoutMs, signal })
    return toStates(ids, read(`read validators at ${state}`, answer, validatorsSchema))
  }

  async function works(method: 'GET' | 'POST', state: StateId, signal: AbortSignal) {
    try {
      await call(method, state, [SOMEBODY], signal)
      return true
    } catch {
      signal.throwIfAborted()
      return false
    }
  }

  const ask: Ask = async (state, ids, signal) => {
    const { hasNoPost, most: accepted } = known()
    const method = hasNoPost ? 'GET' : 'POST'
    const most = hasNoPost ? Math.min(accepted, MAX_IDS_PER_GET) : accepted
    if (ids.length > most) return inParts(state, ids, most, signal)
    try {
      return await call(method, state, ids, signal)
    } catch (error) {
      signal.throwIfAborted()
      const isTheBatch = mayBeTheBatch(error)
      if (isTheBatch && (await works(method, state, signal)))
        return halve(state, ids, error, signal)
      const mayBePost = isTheBatch || NO_POST.includes(statusOf(error) ?? 0)
      if (method === 'GET' || !mayBePost || !(await works('GET', state, signal))) throw error
      note().hasNoPost = true
      return ask(state, ids, signal)
    }
  }

  /** The node is in order, and rejects these, or takes too long: it is one of them, or their number. */
  async function halve(
    state: StateId,
    ids: readonly ValidatorId[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<States> {
    const [id] = ids
    if (id !== undefined && ids.length === 1) {
      note().spoilers.add(id)
      return nothingBut(id, error)
    }
    const half = Math.ceil(ids.length / 2)
    const noted = note()
    const { most } = noted
    const seemsTheNumber = isTimeOut(error) || TOO_LONG.includes(statusOf(error) ?? 0)
    if (seemsTheNumber) noted.most = Math.min(most, half)
    const found = await inParts(state, ids, half, signal)
    noted.most = found.unreadable.size === 0 ? Math.min(noted.most, half) : most
    return found
  }

  async function inParts(
    state: StateId,
    ids: readonly ValidatorId[],
    size: number,
    signal: AbortSignal,
  ): Promise<States> {
    const parts: States[] = []
    for (let at = 0; at < ids.length; at += size) {
      parts.push(await ask(state, ids.slice(at, at + size), signal))
    }
    return merge(parts)
  }

  async function askAlone(state: StateId, id: ValidatorId, signal: AbortSignal) {
    try {
      return await call(known().hasNoPost ? 'GET' : 'POST', state, [id], signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!mayBeTheBatch(error)) throw error
      return nothingBut(id, error)
    }
  }

  const readValidators: Ask = async (state, ids, signal) => {
    const { spoilers } = known()
    const alone = ids.filter((id) => spoilers.has(id))
    const together = alone.length === 0 ? ids : ids.filter((id) => !spoilers.has(id))
    const parts = [await inParts(state, together, batchSize, signal)]
    for (const id of alone) parts.push(await askAlone(state, id, signal))
    return merge(parts)
  }
  return readValidators as ValidatorsReader
}

type States = ValidatorStates<ValidatorId>
type Ask = (state: StateId, ids: readonly ValidatorId[], signal: AbortSignal) => Promise<States>

type Limits = {
  /** When the first of them was found, unix ms. */
  since: number | undefined
  hasNoPost: boolean
  /** Ids that a request may hold. */
  most: number
  /** Validators that spoil a batch: they are asked for alone. */
  readonly spoilers: Set<ValidatorId>
}

const noLimits = (most: number): Limits => ({
  since: undefined,
  hasNoPost: false,
  most,
  spoilers: new Set(),
})

const statusOf = (error: unknown): number | undefined =>
  error instanceof NodeRefusedError || error instanceof NoAnswerError ? error.status : undefined

const isTimeOut = (error: unknown) => error instanceof Error && error.cause instanceof DeadlineError

/** Errors that speak of one of the validators or of their number, if the node is in order. */
function mayBeTheBatch(error: unknown): boolean {
  const status = statusOf(error) ?? 0
  return status === 400 || TOO_LONG.includes(status) || isServerError(status) || isTimeOut(error)
}

const isServerError = (status: number) => status >= 500 && status !== 501

const nothingBut = (id: ValidatorId, error: unknown): States => ({
  ...NOTHING,
  unreadable: new Map([[id, messageOf(error)]]),
})

const NOTHING: States = { optimistic: false, entries: new Map(), unreadable: new Map() }

/** Keeps what was asked for; one malformed entry counts as unknown and spoils no other. */
async function toStates(
  ids: readonly ValidatorId[],
  answer: v.InferOutput<typeof validatorsSchema>,
): Promise<States> {
  const asked = new Set<ValidatorId>(ids)
  const entries = new Map<ValidatorIndex, RegistryEntry>()
  // A dozen words for thousands of validators: one of each takes no memory.
  const words = new Map<string, string>()
  for (const raw of answer.data) {
    const turn = yieldIfDue()
    if (turn !== undefined) await turn
    const parsed = v.safeParse(validatorSchema, raw)
    if (!parsed.success) continue
    const { index, status, validator } = parsed.output
    if (!asked.has(index) && !asked.has(validator.pubkey)) continue
    const { pubkey, activation_epoch, exit_epoch, withdrawable_epoch } = validator
    if (!words.has(status)) words.set(status, status)
    entries.set(index, {
      index,
      pubkey,
      status: words.get(status) ?? status,
      activationEpoch: activation_epoch,
      exitEpoch: exit_epoch,
      withdrawableEpoch: withdrawable_epoch,
    })
  }
  return { ...NOTHING, optimistic: answer.execution_optimistic === true, entries }
}

function merge(parts: readonly States[]): States {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  return {
    optimistic: parts.some((part) => part.optimistic),
    entries: new Map(parts.flatMap((part) => [...part.entries])),
    unreadable: new Map(parts.flatMap((part) => [...part.unreadable])),
  }
}
