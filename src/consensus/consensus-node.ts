import { z } from 'zod'
import { type Exchange, isSuccess, observed } from '../lib/exchange.ts'
import type { HttpClient } from '../lib/http.ts'
import {
  type Bytes32,
  type Epoch,
  type Hex,
  type Pubkey,
  parseBytes32,
  parseUint64,
  type Slot,
  type ValidatorIndex,
} from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'
import type { SignedExit } from '../messages/exit-message.ts'
import { as, epoch, index, NodeRefusedError, read, uint64, version } from './answers.ts'
import { createValidatorsReader, type StateId, type ValidatorsReader } from './validators.ts'

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

/** The Beacon API calls that the daemon makes, to one node. */
export type ConsensusNode = {
  genesis(signal: AbortSignal): Promise<Genesis>
  /** Every value as the node wrote it. */
  spec(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  /** Chain id of the deposit contract's chain. */
  chainId(signal: AbortSignal): Promise<bigint>
  syncStatus(signal: AbortSignal): Promise<SyncStatus>
  fork(state: StateId, signal: AbortSignal): Promise<StateFork>
  /** Of the head state. */
  finalizedEpoch(signal: AbortSignal): Promise<Epoch>
  readonly validators: ValidatorsReader
  /** Index of the validator with this key at head; `undefined` when the node knows none. */
  indexOf(pubkey: Pubkey, signal: AbortSignal): Promise<ValidatorIndex | undefined>
  /** Validators with a pending partial withdrawal. @throws NodeRefusedError where not served */
  pendingPartialWithdrawals(signal: AbortSignal): Promise<ReadonlySet<ValidatorIndex>>
  /** @throws NodeRefusedError on any answer outside 2xx */
  submitExit(exit: SignedExit, signal: AbortSignal): Promise<number>
}

/** Milliseconds for one call; a thousand validators of an archived state may need most of it. */
const CALL_TIMEOUT_MS = 15_000
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
const finalitySchema = z.object({ data: z.object({ finalized: z.object({ epoch }) }) })
const validatorSchema = z.object({ data: z.object({ index }) })
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
  const request = observed(http, observe)

  async function get<T extends z.ZodType>(
    action: string,
    path: string,
    schema: T,
    signal: AbortSignal,
  ) {
    return read(action, await request({ method: 'GET', path, timeoutMs, signal }), schema)
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
    async finalizedEpoch(signal) {
      const path = '/eth/v1/beacon/states/head/finality_checkpoints'
      return (await get('read finality', path, finalitySchema, signal)).data.finalized.epoch
    },
    validators: createValidatorsReader(request, batchSize, timeoutMs, now),
    async indexOf(pubkey, signal) {
      const path = `/eth/v1/beacon/states/head/validators/${pubkey}`
      try {
        return (await get('read validator', path, validatorSchema, signal)).data.index
      } catch (error) {
        if (error instanceof NodeRefusedError && error.status === 404) return undefined
        throw error
      }
    },
    async pendingPartialWithdrawals(signal) {
      const path = '/eth/v1/beacon/states/head/pending_partial_withdrawals'
      const { data } = await get('read pending withdrawals', path, withdrawalsSchema, signal)
      return new Set(data.map((withdrawal) => withdrawal.validator_index))
    },
    async submitExit(exit, signal) {
      const path = '/eth/v1/beacon/pool/voluntary_exits'
      const body = toWire(exit)
      const answer = await request({ method: 'POST', path, body, timeoutMs, signal })
      if (isSuccess(answer)) return answer.status
      throw new NodeRefusedError('submit voluntary exit', answer.status, quote(answer.text, 500))
    },
  }
}

const toWire = (exit: SignedExit) => ({
  message: { epoch: String(exit.epoch), validator_index: String(exit.validatorIndex) },
  signature: exit.signature,
})
