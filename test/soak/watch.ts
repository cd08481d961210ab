import type { Asks } from './asks.ts'
import type { BrakeCheck } from './brake.ts'
import type { SoakMessages } from './messages.ts'
import { type Network, SECONDS_PER_EPOCH } from './network.ts'
import { MEASURES } from './report.ts'
import { SoakError } from './soak-error.ts'
import type { Mode } from './stage.ts'
import type { Tally } from './tally.ts'

/**
 * Epochs: an hour after a lie that ended a request, or sixteen intervals after a lost exit, and
 * some. Not cycles: those that fail follow each other within seconds.
 */
const LONGEST_EPOCHS = 20
const EPOCH_MS = SECONDS_PER_EPOCH * 1_000
/** With a brake: what failed unseen counts, and after a restart what a clock dated ahead. */
const HOURS_MORE = 2

type Parts = {
  readonly network: Network
  readonly asks: Asks
  readonly messages: SoakMessages
  readonly mode: Mode
  readonly tally: Tally
  /** Whether a step is a cycle, so that one can tell how long it took. */
  readonly isTimed: boolean
  readonly brake: BrakeCheck
}

/** Looks at everything that the daemon does to the world, and knows what it must come to. */
export function createWatch({ network, asks, messages, mode, tally, isTimed, brake }: Parts) {
  const { beacon, beaconNodes, executionNodes, receiver } = network
  /** Idempotency keys by validator. */
  const keys = new Map<number, string>()
  /** Since when each request could be served: it is final, and nothing of its own is in the way. */
  const due = new Map<number, { readonly step: number; readonly at: number; soundMs: number }>()
  let lookedAt = 0
  const served = new Set<number>()
  let cycles = 0

  function expectAsked(index: number, what: string): void {
    if (asks.isAsked(index)) return
    throw new SoakError(`${what} for validator ${index}, which nobody asked for`)
  }

  function lookAtPosts(): void {
    for (const node of beaconNodes) {
      for (const exit of node.postedExits()) {
        const { message } = exit as { message: { validator_index: string } }
        const index = Number(message.validator_index)
        expectAsked(index, 'an exit was posted')
        brake.seen(index, lookedAt)
        tally.count('exits posted')
      }
      node.clearCalls()
    }
  }

  function lookAtCalls(): void {
    for (const call of receiver.calls) {
      const { body, headers } = call
      const index = Number(JSON.parse(body).validatorIndex)
      expectAsked(index, 'the webhook was called')
      brake.seen(index, lookedAt)
      const key = String(headers['idempotency-key'])
      if (keys.has(index) && keys.get(index) !== key) {
        throw new SoakError(`validator ${index} has two keys: ${keys.get(index)} and ${key}`)
      }
      keys.set(index, key)
      tally.count('webhook calls')
      // The operator's own machinery: it exits what it is told to.
      if (!network.lost.has(call)) beacon.offerExit(beacon.signExit(index), 'operator')
    }
    receiver.clearCalls()
  }

  function mayLeave(index: number): boolean {
    if (beacon.pendingPartialWithdrawals.some((one) => one.validatorIndex === index)) return false
    return mode === 'webhook' || messages.isThere(index)
  }

  function lookAtTimes(step: number, now: number, isSound: boolean): void {
    for (const { index } of beacon.accepted) {
      if (served.has(index)) continue
      served.add(index)
      const since = due.get(index)
      // With a brake it says how long the queue was, and nothing of the daemon.
      if (!isTimed || since === undefined || brake.isSet) continue
      tally.measure(MEASURES.cycles, step - since.step)
      tally.measure(MEASURES.seconds, Math.round((now - since.at) / 1_000))
      tally.measure(MEASURES.sound, Math.round(since.soundMs / EPOCH_MS))
    }
    const passed = now - lookedAt
    lookedAt = now
    const isFull = brake.isFull(now)
    if (isFull && due.size > 0) tally.count('held back by the brake')
    for (const index of asks.asked()) {
      const since = due.get(index)
      if (served.has(index) || !mayLeave(index)) due.delete(index)
      else if (since === undefined) due.set(index, { step, at: now, soundMs: 0 })
      else if (isSound && !isFull) since.soundMs += passed
      if (
        isTimed &&
        (since?.soundMs ?? 0) > (LONGEST_EPOCHS + brake.moreEpochs(HOURS_MORE)) * EPOCH_MS
      ) {
        throw new SoakError(
          `validator ${index} waits for ${LONGEST_EPOCHS} epochs without a reason`,
        )
      }
    }
  }

  const wanted = () =>
    asks.asked().filter((index) => mode === 'webhook' || messages.hasMessage(index))
  const left = () =>
    beacon.registry.indices().filter((index) => beacon.validator(index)?.exitEpoch !== Infinity)
  const missing = () => wanted().filter((index) => !left().includes(index))

  return {
    /** @param isSound - in each layer there is a node that is well and honest */
    look(step: number, now: number, isSound: boolean): void {
      cycles += Math.max(
        ...executionNodes.map(
          (node) =>
            node.rpcCalls('eth_getBlockByNumber').filter(({ params }) => params[0] === 'finalized')
              .length,
        ),
      )
      for (const node of executionNodes) node.clearCalls()
      lookAtPosts()
      lookAtCalls()
      lookAtTimes(step, now, isSound)
    },
    /** Those that came as far as reading, seen from outside. */
    cycles: () => cycles,
    wanted,
    missing,
    /** The sets are the same, to the last validator. */
    isExact: () => missing().length === 0 && left().length === wanted().length,
    expectExact(): void {
      const gone = left()
      const extra = gone.filter((index) => !wanted().includes(index))
      if (missing().length > 0) throw new SoakError(`never left: ${missing().join(', ')}`)
      if (extra.length > 0) throw new SoakError(`left unasked: ${extra.join(', ')}`)
      const silent = wanted().filter((index) => mode === 'webhook' && !keys.has(index))
      if (silent.length > 0) throw new SoakError(`the webhook never heard of ${silent.join(', ')}`)
      tally.count(`validators that left (${mode})`, gone.length)
    },
  }
}
