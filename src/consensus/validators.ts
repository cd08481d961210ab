import { z } from 'zod'
import type { HttpClient } from '../lib/http.ts'
import { parsePubkey, type ValidatorIndex } from '../lib/primitives.ts'
import { as, epoch, index, NodeRefusedError, read } from './answers.ts'
import type { RegistryEntry } from './registry.ts'

export type StateId = 'head' | 'finalized'

/** Validators of one state. Those that the node does not know are left out. */
export type ValidatorStates = {
  readonly optimistic: boolean
  readonly entries: ReadonlyMap<ValidatorIndex, RegistryEntry>
}

export type ValidatorsReader = (
  state: StateId,
  indices: readonly ValidatorIndex[],
  signal: AbortSignal,
) => Promise<ValidatorStates>

/** GET carries ids in the URL: 64 indices stay under the usual 8 KiB limit with room. */
const MAX_IDS_PER_GET = 64
/** How long a node that has no POST is not asked for it again. */
const GET_ONLY_MS = 60 * 60 * 1_000

const validatorSchema = z.object({
  index,
  status: z.string().max(40),
  validator: z.object({
    pubkey: z.unknown().transform(as(parsePubkey)),
    activation_epoch: epoch,
    exit_epoch: epoch,
    withdrawable_epoch: epoch.optional().catch(undefined),
  }),
})
const validatorsSchema = z.object({
  execution_optimistic: z.boolean().nullish(),
  data: z.array(z.unknown()),
})

/**
 * Reads validators in batches, by POST; where a node has none, by GET.
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
  let getOnlyUntil = 0

  async function validatorsByGet(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    const query = ids.map((id) => `id=${id}`).join('&')
    const path = `/eth/v1/beacon/states/${state}/validators?${query}`
    const answer = await request({ method: 'GET', path, timeoutMs, signal })
    return toStates(ids, read(`read validators at ${state}`, answer, validatorsSchema))
  }

  async function validatorsByPost(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    const path = `/eth/v1/beacon/states/${state}/validators`
    const body = { ids: ids.map(String) }
    const answer = await request({ method: 'POST', path, body, timeoutMs, signal })
    return toStates(ids, read(`read validators at ${state}`, answer, validatorsSchema))
  }

  async function someValidators(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    // An empty list would ask for every validator there is.
    if (ids.length === 0) return { optimistic: false, entries: new Map() }
    const byGet = now() < getOnlyUntil
    if (byGet && ids.length > MAX_IDS_PER_GET) return halves(state, ids, signal)
    try {
      return await (byGet ? validatorsByGet : validatorsByPost)(state, ids, signal)
    } catch (error) {
      if (!(error instanceof NodeRefusedError)) throw error
      const tooLong = error.status === 414 || error.status === 413
      if (tooLong && ids.length > 1) return halves(state, ids, signal)
      const noPost = [405, 501, 404].includes(error.status)
      if (!byGet && noPost) return getInstead(state, ids, error.status, signal)
      throw error
    }
  }

  /** 404 may also mean "no such state": it counts as "no POST" only where GET works. */
  async function getInstead(
    state: StateId,
    ids: readonly ValidatorIndex[],
    status: number,
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    if (status === 404) await validatorsByGet(state, ids.slice(0, 1), signal)
    getOnlyUntil = now() + GET_ONLY_MS
    return someValidators(state, ids, signal)
  }

  async function halves(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    const middle = Math.ceil(ids.length / 2)
    const left = await someValidators(state, ids.slice(0, middle), signal)
    return merge([left, await someValidators(state, ids.slice(middle), signal)])
  }

  return async function readValidators(state, indices, signal) {
    const parts: ValidatorStates[] = []
    for (let at = 0; at < indices.length; at += batchSize) {
      parts.push(await someValidators(state, indices.slice(at, at + batchSize), signal))
    }
    return merge(parts)
  }
}

/** Keeps what was asked for; one malformed entry counts as unknown and spoils no other. */
function toStates(
  ids: readonly ValidatorIndex[],
  answer: z.output<typeof validatorsSchema>,
): ValidatorStates {
  const asked = new Set(ids)
  const entries = new Map<ValidatorIndex, RegistryEntry>()
  for (const raw of answer.data) {
    const parsed = validatorSchema.safeParse(raw)
    if (!parsed.success || !asked.has(parsed.data.index)) continue
    const { index, status, validator } = parsed.data
    entries.set(index, {
      index,
      pubkey: validator.pubkey,
      status,
      activationEpoch: validator.activation_epoch,
      exitEpoch: validator.exit_epoch,
      ...(validator.withdrawable_epoch === undefined
        ? {}
        : { withdrawableEpoch: validator.withdrawable_epoch }),
    })
  }
  return { optimistic: answer.execution_optimistic === true, entries }
}

const merge = (parts: readonly ValidatorStates[]): ValidatorStates => ({
  optimistic: parts.some((part) => part.optimistic),
  entries: new Map(parts.flatMap((part) => [...part.entries])),
})
