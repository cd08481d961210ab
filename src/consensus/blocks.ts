import { z } from 'zod'
import { type Bytes32, parseBytes32 } from '../lib/primitives.ts'
import type { SlotAnswer } from '../proof/evidence.ts'
import { as, flag, type Get, NodeRefusedError, uint64 } from './answers.ts'

const bytes32 = z.unknown().transform(as<Bytes32>(parseBytes32))
const payload = z.object({ block_hash: bytes32, receipts_root: bytes32 })
const blockSchema = z.object({
  execution_optimistic: flag.nullish(),
  finalized: flag.nullish(),
  data: z.object({
    message: z.object({
      slot: uint64,
      body: z.object({
        execution_payload_header: payload.optional(),
        execution_payload: payload.optional(),
      }),
    }),
  }),
})
const headerSchema = z.object({
  data: z.object({ header: z.object({ message: z.object({ slot: uint64 }) }) }),
})

/**
 * Reads the execution payload of a slot, as one consensus node has it. The blinded block holds the
 * same without the transactions; some nodes serve only the whole one.
 *
 * @see https://ethereum.github.io/beacon-APIs (getBlindedBlock, getBlockV2)
 */
export function createSlotReader(get: Get) {
  const PATHS = ['/eth/v1/beacon/blinded_blocks', '/eth/v2/beacon/blocks']

  async function readBlock(slot: number, signal: AbortSignal) {
    let refusal: unknown
    for (const path of PATHS) {
      try {
        return await get('read block', `${path}/${slot}`, blockSchema, signal)
      } catch (error) {
        if (!(error instanceof NodeRefusedError)) throw error
        refusal = error
      }
    }
    if (refusal instanceof NodeRefusedError && refusal.status === 404) return undefined
    throw refusal
  }

  /** Older nodes do not say of a block whether it is final. */
  async function isFinal(slot: bigint, signal: AbortSignal): Promise<boolean> {
    const path = '/eth/v1/beacon/headers/finalized'
    const { data } = await get('read finalized header', path, headerSchema, signal)
    return slot <= data.header.message.slot
  }

  return async function readSlot(slot: number, signal: AbortSignal): Promise<SlotAnswer> {
    const block = await readBlock(slot, signal)
    if (block === undefined) return { kind: 'unknown', why: `no block known at slot ${slot}` }
    const { message } = block.data
    if (message.slot !== BigInt(slot)) {
      return { kind: 'unknown', why: `block of slot ${message.slot} instead of ${slot}` }
    }
    if (block.execution_optimistic === true) {
      return { kind: 'unknown', why: `block at slot ${slot} is not verified yet (optimistic)` }
    }
    if (!(block.finalized ?? (await isFinal(message.slot, signal)))) {
      return { kind: 'unknown', why: `block at slot ${slot} is not final yet` }
    }
    const found = message.body.execution_payload_header ?? message.body.execution_payload
    return {
      kind: 'final',
      payload: found && { blockHash: found.block_hash, receiptsRoot: found.receipts_root },
    }
  }
}
