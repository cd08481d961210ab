import * as v from 'valibot'
import { type Exchange, observed } from '../lib/exchange.ts'
import type { HttpClient } from '../lib/http.ts'
import { bytes32, jsonObject } from '../lib/parsed-by.ts'
import {
  type Bytes32,
  type Epoch,
  type Hex,
  type Pubkey,
  toldUint64,
  type ValidatorIndex,
} from '../lib/primitives.ts'
import type { SlotAnswer } from '../proof/evidence.ts'
import {
  epoch,
  type Get,
  index,
  listOf,
  NodeRefusedError,
  read,
  uint64,
  version,
} from './answers.ts'
import { createSlotReader, type FinalizedBlock, readFinalizedBlock } from './blocks.ts'
import { secondsPerSlot } from './chain-info.ts'
import { createSyncStatusReader, type SyncStatus } from './sync-status.ts'
import { createValidatorsReader, type StateId, type ValidatorsReader } from './validators.ts'

export type Genesis = { readonly time: number; readonly validatorsRoot: Bytes32 }

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
  /** The final execution payload of a slot. */
  slot(slot: number, signal: AbortSignal): Promise<SlotAnswer>
  /** Of the head state. */
  finalizedEpoch(signal: AbortSignal): Promise<Epoch>
  readonly validators: ValidatorsReader
  /** Index of the validator with this key at head; `undefined` when the node knows none. */
  indexOf(pubkey: Pubkey, signal: AbortSignal): Promise<ValidatorIndex | undefined>
  /** Validators with a pending partial withdrawal. @throws NodeRefusedError where not served */
  pendingPartialWithdrawals(signal: AbortSignal): Promise<ReadonlySet<ValidatorIndex>>
  /** Validators that are to be merged into others. @throws NodeRefusedError where not served */
  pendingConsolidations(signal: AbortSignal): Promise<ReadonlySet<ValidatorIndex>>
  finalizedBlock(signal: AbortSignal): Promise<FinalizedBlock>
}

/** Milliseconds for one call; a thousand validators of an archived state may need most of it. */
export const CALL_TIMEOUT_MS = 15_000
const genesisSchema = v.object({
  data: v.object({
    genesis_time: v.pipe(uint64, v.transform(Number)),
    genesis_validators_root: bytes32,
  }),
})
const specSchema = v.object({ data: jsonObject })
const depositSchema = v.object({ data: v.object({ chain_id: uint64 }) })
const forkSchema = v.object({
  data: v.object({ previous_version: version, current_version: version, epoch }),
})
const finalitySchema = v.object({ data: v.object({ finalized: v.object({ epoch }) }) })
const validatorSchema = v.object({ data: v.nullable(v.object({ index })) })
const consolidationsSchema = v.object({ data: listOf(v.object({ source_index: index })) })
const withdrawalsSchema = v.object({ data: listOf(v.object({ validator_index: index })) })

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

  const get: Get = async (action, path, schema, signal) =>
    read(action, await request({ method: 'GET', path, timeoutMs, signal }), schema)

  async function genesis(signal: AbortSignal): Promise<Genesis> {
    const { data } = await get('read genesis', '/eth/v1/beacon/genesis', genesisSchema, signal)
    return { time: data.genesis_time, validatorsRoot: data.genesis_validators_root }
  }
  const spec = async (signal: AbortSignal) =>
    (await get('read spec', '/eth/v1/config/spec', specSchema, signal)).data

  async function timeOf(slot: bigint, signal: AbortSignal): Promise<number> {
    const { time } = await genesis(signal)
    return time + Number(slot * secondsPerSlot(await spec(signal)))
  }

  return {
    genesis,
    spec,
    async chainId(signal) {
      const path = '/eth/v1/config/deposit_contract'
      try {
        return (await get('read deposit contract', path, depositSchema, signal)).data.chain_id
      } catch (error) {
        if (!(error instanceof NodeRefusedError)) throw error
        const told = toldUint64((await spec(signal)).DEPOSIT_CHAIN_ID)
        if (told === undefined) throw error
        return told
      }
    },
    syncStatus: createSyncStatusReader(get, timeOf, now),
    async fork(state, signal) {
      const path = `/eth/v1/beacon/states/${state}/fork`
      const { data } = await get('read fork', path, forkSchema, signal)
      return {
        previousVersion: data.previous_version,
        currentVersion: data.current_version,
        epoch: data.epoch,
      }
    },
    slot: createSlotReader(get),
    async finalizedEpoch(signal) {
      const path = '/eth/v1/beacon/states/head/finality_checkpoints'
      return (await get('read finality', path, finalitySchema, signal)).data.finalized.epoch
    },
    validators: createValidatorsReader(request, batchSize, timeoutMs, now),
    async indexOf(pubkey, signal) {
      const path = `/eth/v1/beacon/states/head/validators/${pubkey}`
      try {
        return (await get('read validator', path, validatorSchema, signal)).data?.index
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
    async pendingConsolidations(signal) {
      const path = '/eth/v1/beacon/states/finalized/pending_consolidations'
      const { data } = await get('read consolidations', path, consolidationsSchema, signal)
      return new Set(data.map((consolidation) => consolidation.source_index))
    },
    finalizedBlock: (signal) => readFinalizedBlock(get, signal),
  }
}
