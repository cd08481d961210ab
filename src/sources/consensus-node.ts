import { z } from 'zod'
import type { SignedExit } from '../domain/exit-message.ts'
import {
  type Bytes32,
  type Epoch,
  type Hex,
  parseBytes32,
  parseEpoch,
  parsePubkey,
  parseUint64,
  parseValidatorIndex,
  type Slot,
  type ValidatorIndex,
} from '../domain/primitives.ts'
import type { RegistryEntry } from '../domain/registry.ts'
import { type HttpAnswer, type HttpClient, NoAnswerError } from '../lib/http.ts'
import { quote } from '../lib/secret.ts'
import type { Exchange } from './execution-node.ts'

/** The node answered, and said no. */
export class NodeRefusedError extends Error {
  override readonly name = 'NodeRefusedError'
  readonly status: number

  /** @param answer - the node's words, already cut and redacted: it may echo what was sent */
  constructor(action: string, status: number, answer: string) {
    super(`${action}: node answered ${status}: ${answer}`)
    this.status = status
  }
}

export type StateId = 'head' | 'finalized'

export type Genesis = { readonly time: number; readonly validatorsRoot: Bytes32 }

export type SyncStatus = {
  readonly headSlot: Slot
  readonly isSyncing: boolean
  readonly isOptimistic: boolean
}

export type StateFork = {
  readonly previousVersion: Hex
  readonly currentVersion: Hex
  readonly epoch: Epoch
}

/** Validators of one state. Those that the node does not know are left out. */
export type ValidatorStates = {
  readonly optimistic: boolean
  readonly entries: ReadonlyMap<ValidatorIndex, RegistryEntry>
}

/** The Beacon API calls that the daemon makes, to one node. */
export type ConsensusNode = {
  genesis(signal: AbortSignal): Promise<Genesis>
  /** Every value as the node wrote it. */
  spec(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  /** Chain id of the deposit contract's chain. */
  chainId(signal: AbortSignal): Promise<bigint>
  syncStatus(signal: AbortSignal): Promise<SyncStatus>
  fork(state: StateId, signal: AbortSignal): Promise<StateFork>
  validators(
    state: StateId,
    indices: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates>
  /** Validators with a pending partial withdrawal. @throws NodeRefusedError where not served */
  pendingPartialWithdrawals(signal: AbortSignal): Promise<ReadonlySet<ValidatorIndex>>
  /** @throws NodeRefusedError on any answer outside 2xx */
  submitExit(exit: SignedExit, signal: AbortSignal): Promise<number>
}

/** Milliseconds for one call; a thousand validators of an archived state may need most of it. */
const CALL_TIMEOUT_MS = 15_000
/** GET carries ids in the URL: 64 indices stay under the usual 8 KiB limit with room. */
const MAX_IDS_PER_GET = 64
/** How long a node that has no POST is not asked for it again. */
const GET_ONLY_MS = 60 * 60 * 1_000

const as =
  <T>(parse: (value: unknown) => T | undefined) =>
  (value: unknown, context: z.RefinementCtx): T => {
    const parsed = parse(value)
    if (parsed !== undefined) return parsed
    context.addIssue('not a value of this type')
    return z.NEVER
  }
const epoch = z.unknown().transform(as(parseEpoch))
const uint64 = z.unknown().transform(as(parseUint64))
const index = z.unknown().transform(as(parseValidatorIndex))
const version = z
  .string()
  .regex(/^0x[0-9a-fA-F]{8}$/)
  .transform((text) => text.toLowerCase() as Hex)

const genesisSchema = z.object({
  data: z.object({
    genesis_time: uint64.transform(Number),
    genesis_validators_root: z.unknown().transform(as(parseBytes32)),
  }),
})
const specSchema = z.object({ data: z.record(z.string(), z.unknown()) })
const depositSchema = z.object({ data: z.object({ chain_id: uint64 }) })
const syncSchema = z.object({
  data: z.object({
    head_slot: uint64,
    is_syncing: z.boolean(),
    is_optimistic: z.boolean().nullish(),
  }),
})
const forkSchema = z.object({
  data: z.object({ previous_version: version, current_version: version, epoch }),
})
const validatorSchema = z.object({
  index,
  status: z.string().max(40),
  validator: z.object({
    pubkey: z.unknown().transform(as(parsePubkey)),
    activation_epoch: epoch,
    exit_epoch: epoch,
  }),
})
const validatorsSchema = z.object({
  execution_optimistic: z.boolean().nullish(),
  data: z.array(z.unknown()),
})
const withdrawalsSchema = z.object({ data: z.array(z.object({ validator_index: index })) })

/**
 * @param batchSize - ids per validators request (VALIDATORS_BATCH_SIZE)
 * @see https://ethereum.github.io/beacon-APIs
 */
export function createConsensusNode(
  http: HttpClient,
  batchSize: number,
  observe: (exchange: Exchange) => void,
  now: () => number = Date.now,
  timeoutMs: number = CALL_TIMEOUT_MS,
): ConsensusNode {
  let getOnlyUntil = 0

  async function exchange(request: Omit<Parameters<HttpClient>[0], 'timeoutMs'>) {
    const start = performance.now()
    const seconds = () => (performance.now() - start) / 1_000
    try {
      const answer = await http({ ...request, timeoutMs })
      observe({ seconds: seconds(), status: answer.status, ok: isSuccess(answer) })
      return answer
    } catch (error) {
      observe({ seconds: seconds(), status: undefined, ok: false })
      throw error
    }
  }

  async function get<T extends z.ZodType>(
    action: string,
    path: string,
    schema: T,
    signal: AbortSignal,
  ) {
    return read(action, await exchange({ method: 'GET', path, signal }), schema)
  }

  async function validatorsByGet(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    const query = ids.map((id) => `id=${id}`).join('&')
    const path = `/eth/v1/beacon/states/${state}/validators?${query}`
    const action = `read validators at ${state}`
    return toStates(ids, await get(action, path, validatorsSchema, signal))
  }

  async function validatorsByPost(
    state: StateId,
    ids: readonly ValidatorIndex[],
    signal: AbortSignal,
  ): Promise<ValidatorStates> {
    const path = `/eth/v1/beacon/states/${state}/validators`
    const body = { ids: ids.map(String) }
    const answer = await exchange({ method: 'POST', path, body, signal })
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

  return {
    async genesis(signal) {
      const { data } = await get('read genesis', '/eth/v1/beacon/genesis', genesisSchema, signal)
      return { time: data.genesis_time, validatorsRoot: data.genesis_validators_root }
    },
    spec: async (signal) =>
      (await get('read spec', '/eth/v1/config/spec', specSchema, signal)).data,
    async chainId(signal) {
      const path = '/eth/v1/config/deposit_contract'
      try {
        return (await get('read deposit contract', path, depositSchema, signal)).data.chain_id
      } catch (error) {
        if (!(error instanceof NodeRefusedError)) throw error
        const { data } = await get('read spec', '/eth/v1/config/spec', specSchema, signal)
        const told = parseUint64(data.DEPOSIT_CHAIN_ID)
        if (told === undefined) throw error
        return told
      }
    },
    async syncStatus(signal) {
      const { data } = await get('read sync status', '/eth/v1/node/syncing', syncSchema, signal)
      return {
        headSlot: data.head_slot as Slot,
        isSyncing: data.is_syncing,
        isOptimistic: data.is_optimistic === true,
      }
    },
    async fork(state, signal) {
      const path = `/eth/v1/beacon/states/${state}/fork`
      const { data } = await get('read fork', path, forkSchema, signal)
      return {
        previousVersion: data.previous_version,
        currentVersion: data.current_version,
        epoch: data.epoch,
      }
    },
    async validators(state, indices, signal) {
      const parts: ValidatorStates[] = []
      for (let at = 0; at < indices.length; at += batchSize) {
        parts.push(await someValidators(state, indices.slice(at, at + batchSize), signal))
      }
      return merge(parts)
    },
    async pendingPartialWithdrawals(signal) {
      const path = '/eth/v1/beacon/states/head/pending_partial_withdrawals'
      const { data } = await get('read pending withdrawals', path, withdrawalsSchema, signal)
      return new Set(data.map((withdrawal) => withdrawal.validator_index))
    },
    async submitExit(exit, signal) {
      const path = '/eth/v1/beacon/pool/voluntary_exits'
      const answer = await exchange({ method: 'POST', path, body: toWire(exit), signal })
      if (isSuccess(answer)) return answer.status
      throw new NodeRefusedError('submit voluntary exit', answer.status, quote(answer.text, 500))
    },
  }
}

const isSuccess = (answer: HttpAnswer) => answer.status >= 200 && answer.status < 300

const toWire = (exit: SignedExit) => ({
  message: { epoch: String(exit.epoch), validator_index: String(exit.validatorIndex) },
  signature: exit.signature,
})

/** @throws NodeRefusedError on a 4xx that speaks of the question, NoAnswerError on all else */
function read<T extends z.ZodType>(action: string, answer: HttpAnswer, schema: T): z.output<T> {
  if (!isSuccess(answer)) {
    const ofTheQuestion = [400, 404, 405, 413, 414, 501].includes(answer.status)
    const error = new NodeRefusedError(action, answer.status, quote(answer.text))
    throw ofTheQuestion ? error : new NoAnswerError(error.message)
  }
  let json: unknown
  try {
    json = JSON.parse(answer.text)
  } catch {
    throw new NoAnswerError(`${action}: the answer is not JSON: ${quote(answer.text)}`)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw new NoAnswerError(`${action}: the answer has another shape`)
  return parsed.data
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
    })
  }
  return { optimistic: answer.execution_optimistic === true, entries }
}

const merge = (parts: readonly ValidatorStates[]): ValidatorStates => ({
  optimistic: parts.some((part) => part.optimistic),
  entries: new Map(parts.flatMap((part) => [...part.entries])),
})
