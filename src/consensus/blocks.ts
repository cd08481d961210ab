import * as v from 'valibot'
import { bytes32, loose } from '../lib/parsed-by.ts'
import type { Bytes32, Slot } from '../lib/primitives.ts'
import type { SlotAnswer } from '../proof/evidence.ts'
import { flag, type Get, NodeRefusedError, uint64 } from './answers.ts'

const payload = v.object({
  block_hash: bytes32,
  receipts_root: bytes32,
  block_number: loose(v.pipe(uint64, v.transform(Number))),
})
const blockSchema = v.object({
  execution_optimistic: v.nullish(flag),
  finalized: v.nullish(flag),
  data: v.object({
    message: v.object({
      slot: uint64,
      body: v.object({
        execution_payload_header: v.optional(payload),
        execution_payload: v.optional(payload),
      }),
    }),
  }),
})
const header = v.object({ message: v.object({ slot: uint64 }) })
const headerSlotSchema = v.object({ data: v.object({ header }) })
const headerSchema = v.object({ data: v.object({ root: bytes32, header }) })

const PATHS = ['/eth/v1/beacon/blinded_blocks', '/eth/v2/beacon/blocks']

/**
 * Reads a block by its slot or root. The blinded block holds the same without the transactions; some
 * nodes serve only the whole one.
 *
 * @returns `undefined` where the node does not have it
 * @see https://ethereum.github.io/beacon-APIs (getBlindedBlock, getBlockV2)
 */
async function readBlock(get: Get, id: number | Bytes32, signal: AbortSignal) {
  let refusal: unknown
  for (const path of PATHS) {
    try {
      return await get('read block', `${path}/${id}`, blockSchema, signal)
    } catch (error) {
      if (!(error instanceof NodeRefusedError)) throw error
      refusal = error
    }
  }
  if (refusal instanceof NodeRefusedError && refusal.status === 404) return undefined
  throw refusal
}

const payloadOf = (block: Awaited<ReturnType<typeof readBlock>>) =>
  block?.data.message.body.execution_payload_header ?? block?.data.message.body.execution_payload

/** The finalized block, and the execution block in it, where the node gives that. */
export type FinalizedBlock = {
  readonly root: Bytes32
  readonly slot: Slot
  readonly blockNumber: number | undefined
  readonly blockHash: Bytes32 | undefined
}

/** @throws when the node does not name the finalized block */
export async function readFinalizedBlock(get: Get, signal: AbortSignal): Promise<FinalizedBlock> {
  const path = '/eth/v1/beacon/headers/finalized'
  const { data } = await get('read finalized header', path, headerSchema, signal)
  const block = await readBlock(get, data.root, signal).catch(() => undefined)
  signal.throwIfAborted()
  const payload = payloadOf(block)
  return {
    root: data.root,
    slot: data.header.message.slot as Slot,
    blockNumber: payload?.block_number,
    blockHash: payload?.block_hash,
  }
}

/** Reads the execution payload of a slot, as one consensus node has it. */
export function createSlotReader(get: Get) {
  /** Older nodes do not say of a block whether it is final. */
  async function isFinal(slot: bigint, signal: AbortSignal): Promise<boolean> {
    const path = '/eth/v1/beacon/headers/finalized'
    const { data } = await get('read finalized header', path, headerSlotSchema, signal)
    return slot <= data.header.message.slot
  }

  return async function readSlot(slot: number, signal: AbortSignal): Promise<SlotAnswer> {
    const block = await readBlock(get, slot, signal)
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
    const found = payloadOf(block)
    return {
      kind: 'final',
      payload: found && { blockHash: found.block_hash, receiptsRoot: found.receipts_root },
    }
  }
}
