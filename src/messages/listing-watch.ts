import { setMaxListeners } from 'node:events'
import { onAbort } from '../lib/on-abort.ts'
import { isSameListing } from './ground.ts'
import type { MessageStore, StoreEntry } from './store.ts'

/** The files are others than at the beginning: what was found goes into the next attempt. */
const CHANGED = new Error('files came, went or changed during the load')

/**
 * Runs a load for as long as the location holds what was listed. Opening thousands of envelopes may
 * take an hour: neither a file that is missed nor one that was taken away waits that long.
 *
 * @returns undefined when the listing changed: the work was broken off, and is to begin anew
 * @throws what `work` throws
 */
export async function whileListed<Result>(
  store: MessageStore,
  listed: readonly StoreEntry[],
  signal: AbortSignal,
  lookAgainMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const stop = onAbort(signal, () => controller.abort(signal.reason))
  let isLooking = false

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    try {
      if (!isSameListing(listed, await store.list(signal))) controller.abort(CHANGED)
    } catch {
      // A location that cannot be read is not obeyed; the next load says so.
    } finally {
      isLooking = false
    }
  }

  const timer = setInterval(() => void look(), lookAgainMs)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (controller.signal.reason === CHANGED && !signal.aborted) return undefined
    throw error
  } finally {
    clearInterval(timer)
    stop()
  }
}
