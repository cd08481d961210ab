import { pause } from './deadline.ts'

/** One node of a layer under the name that logs and metrics show: never its URL. */
export type Endpoint<Node> = { readonly host: string; readonly node: Node }

export type Answer<Value> =
  | { readonly host: string; readonly ok: true; readonly value: Value }
  | { readonly host: string; readonly ok: false; readonly error: unknown }

export type EndpointState = {
  readonly host: string
  readonly up: boolean
  /** Why the node is passed over although it answers, for example another chain. */
  readonly leftOut: string | undefined
}

export type Endpoints<Node> = {
  /** Asks the nodes in order until one gives a value. @throws the last node's error */
  first<Value>(work: Work<Node, Value>, signal: AbortSignal): Promise<Value>
  /** The same for what is no part of a cycle: it counts neither for nor against a node. */
  firstUncounted<Value>(work: Work<Node, Value>, signal: AbortSignal): Promise<Value>
  /** Asks this node. @throws its error */
  only<Value>(host: string, work: Work<Node, Value>, signal: AbortSignal): Promise<Value>
  /** Who would be asked now, best first. Never empty, unless every node is passed over. */
  hosts(): readonly string[]
  /** Asks every node that is up, and waits a while for the slower once one has answered. */
  every<Value>(work: Work<Node, Value>, signal: AbortSignal): Promise<readonly Answer<Value>[]>
  /** Asks every node, those left out or down too; nobody waits for the latter. */
  probe(work: Work<Node, unknown>, signal: AbortSignal): Promise<readonly Answer<unknown>[]>
  /** Passes a node over for a reason, or (with `undefined`) uses it again. */
  leaveOut(host: string, why: string | undefined): void
  states(): readonly EndpointState[]
}

type Work<Node, Value> = (node: Node, signal: AbortSignal, host: string) => Promise<Value>

type Slot<Node> = Endpoint<Node> & {
  failures: number
  pausedUntil: number
  leftOut: string | undefined
  /** A probe of it is still running: a second one would say no more. */
  probing: boolean
}

const SECOND_MS = 1_000
/** Pause after the n-th failure in a row: 1, 2, 4, 8, then 10 s. */
const pauseAfter = (failures: number) => Math.min(2 ** (failures - 1), 10) * SECOND_MS
/** How long the slower nodes may take once one has answered. */
const GRACE_MS = 5 * SECOND_MS

/**
 * Asks several nodes of one layer. A node that fails is asked again after a pause;
 * the last one is never set aside.
 *
 * @param isFault - true for errors that speak of the node (no answer), not of the question
 * @param onChange - told when a node goes down or comes back
 */
export function createEndpoints<Node>(
  endpoints: readonly Endpoint<Node>[],
  isFault: (error: unknown) => boolean,
  onChange: (state: EndpointState, error?: unknown) => void = () => {},
  now: () => number = Date.now,
): Endpoints<Node> {
  const slots: Slot<Node>[] = endpoints.map((endpoint) => ({
    ...endpoint,
    failures: 0,
    pausedUntil: 0,
    leftOut: undefined,
    probing: false,
  }))
  const stateOf = (slot: Slot<Node>): EndpointState => ({
    host: slot.host,
    up: slot.failures === 0,
    leftOut: slot.leftOut,
  })

  async function ask<Value>(slot: Slot<Node>, work: Work<Node, Value>, signal: AbortSignal) {
    try {
      const value = await work(slot.node, signal, slot.host)
      recovered(slot)
      return value
    } catch (error) {
      if (!signal.aborted && isFault(error)) failed(slot, error)
      else if (!signal.aborted) recovered(slot)
      throw error
    }
  }
  function recovered(slot: Slot<Node>) {
    const wasDown = slot.failures > 0
    slot.failures = 0
    slot.pausedUntil = 0
    if (wasDown) onChange(stateOf(slot))
  }
  function failed(slot: Slot<Node>, error: unknown) {
    slot.failures += 1
    slot.pausedUntil = now() + pauseAfter(slot.failures)
    if (slot.failures === 1) onChange(stateOf(slot), error)
  }

  /** Good nodes in the given order, then those whose pause is over, then the next to be tried. */
  function candidates(): Slot<Node>[] {
    const allowed = slots.filter((slot) => slot.leftOut === undefined)
    const good = allowed.filter((slot) => slot.failures === 0)
    const recovering = allowed.filter((slot) => slot.failures > 0 && slot.pausedUntil <= now())
    const ready = [...good, ...recovering]
    if (ready.length > 0) return ready
    return allowed.toSorted((a, b) => a.pausedUntil - b.pausedUntil).slice(0, 1)
  }

  async function inTurn<Value>(
    run: (slot: Slot<Node>) => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    let last: unknown = new Error('every node is left out')
    for (const slot of candidates()) {
      try {
        return await run(slot)
      } catch (error) {
        signal.throwIfAborted()
        last = error
      }
    }
    throw last
  }

  return {
    first: (work, signal) => inTurn((slot) => ask(slot, work, signal), signal),

    firstUncounted: (work, signal) => inTurn((slot) => work(slot.node, signal, slot.host), signal),

    async only(host, work, signal) {
      const slot = slots.find((one) => one.host === host)
      if (slot === undefined) throw new Error(`no node is called ${host}`)
      return ask(slot, work, signal)
    },

    hosts: () => candidates().map(({ host }) => host),

    async every(work, signal) {
      const ready = candidates()
      const good = ready.filter((slot) => slot.failures === 0)
      const asked = good.length > 0 ? good : ready
      return settleWithGrace(asked, (slot) => ask(slot, work, signal), signal)
    },

    async probe(work, signal) {
      const idle = slots.filter((slot) => !slot.probing)
      const good = idle.filter((slot) => slot.failures === 0)
      const down = idle.filter((slot) => slot.failures > 0)
      const run = (slot: Slot<Node>) => {
        slot.probing = true
        return ask(slot, work, signal).finally(() => {
          slot.probing = false
        })
      }
      const background = settleWithGrace(down, run, signal)
      if (good.length === 0) return background
      background.catch(() => {})
      return settleWithGrace(good, run, signal)
    },

    leaveOut(host, why) {
      for (const slot of slots) if (slot.host === host) slot.leftOut = why
    },

    states: () => slots.map(stateOf),
  }
}

/** Waits for all of them, or, once one has answered, a while for the slower ones. */
async function settleWithGrace<Asked extends { readonly host: string }, Value>(
  asked: readonly Asked[],
  run: (one: Asked) => Promise<Value>,
  signal: AbortSignal,
): Promise<readonly Answer<Value>[]> {
  const answers = new Map<Asked, Answer<Value>>()
  const finished = new AbortController()
  let startGrace = () => {}
  const graceOver = new Promise<void>((resolve) => {
    startGrace = () => void pause(GRACE_MS, finished.signal).then(resolve)
  })
  const runs = asked.map(async (one) => {
    const { host } = one
    try {
      const value = await run(one)
      answers.set(one, { host, ok: true, value })
      startGrace()
    } catch (error) {
      answers.set(one, { host, ok: false, error })
    }
  })
  await Promise.race([Promise.all(runs), graceOver])
  finished.abort()
  signal.throwIfAborted()
  const late = new Error('still answering')
  return asked.map((one) => answers.get(one) ?? { host: one.host, ok: false, error: late })
}
