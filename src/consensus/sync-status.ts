import * as v from 'valibot'
import { NoAnswerError } from '../lib/http.ts'
import { isHeadRecent } from '../lib/layer.ts'
import { loose } from '../lib/parsed-by.ts'
import type { Slot } from '../lib/primitives.ts'
import { flag, type Get, NodeRefusedError, uint64 } from './answers.ts'

export type SyncStatus = {
  readonly headSlot: Slot
  readonly isSyncing: boolean
  /** Why the node's own word does not count: it was judged by the age of its head. */
  readonly odd?: string
}

const PATH = '/eth/v1/node/syncing'
const MISSING = [403, 404, 405, 501]

const syncSchema = v.object({
  data: loose(
    v.object({
      head_slot: loose(uint64),
      sync_distance: loose(uint64),
      is_syncing: loose(flag),
    }),
  ),
})
const headSchema = v.object({
  data: v.object({ header: v.object({ message: v.object({ slot: uint64 }) }) }),
})

/**
 * Whether a node follows its chain. Where it does not tell, or says what cannot be, the age of its
 * head does.
 *
 * @param timeOf - when a slot began, unix seconds
 */
export function createSyncStatusReader(
  get: Get,
  timeOf: (slot: bigint, signal: AbortSignal) => Promise<number>,
  now: () => number,
) {
  return async function readSyncStatus(signal: AbortSignal): Promise<SyncStatus> {
    const told = await ask(signal)
    if (typeof told !== 'string') return told
    const path = '/eth/v1/beacon/headers/head'
    const { data } = await get('read head', path, headSchema, signal)
    const { slot } = data.header.message
    const isSyncing = !isHeadRecent(await timeOf(slot, signal), now())
    return { headSlot: slot as Slot, isSyncing, odd: told }
  }

  /** @returns a text where the answer does not count */
  async function ask(signal: AbortSignal): Promise<SyncStatus | string> {
    try {
      const { data } = await get('read sync status', PATH, syncSchema, signal)
      const { head_slot: slot, sync_distance: distance, is_syncing: isSyncing } = data ?? {}
      if (slot === undefined || isSyncing === undefined) return `answers ${PATH} with another shape`
      if (slot === 0n) return `says at ${PATH} that its head is slot 0`
      if (isSyncing && (distance ?? 0n) === 0n) {
        return `says at ${PATH} that it is syncing, at a distance of 0`
      }
      return { headSlot: slot as Slot, isSyncing }
    } catch (error) {
      const hasStatus = error instanceof NodeRefusedError || error instanceof NoAnswerError
      const status = hasStatus ? error.status : undefined
      if (status === undefined || !MISSING.includes(status)) throw error
      return `answers ${status} to ${PATH}`
    }
  }
}
