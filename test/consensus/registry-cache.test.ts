import { describe, expect, test } from 'vitest'
import type { ConsensusNode } from '../../src/consensus/consensus-node.ts'
import type { Registry, RegistryEntry } from '../../src/consensus/registry.ts'
import { createRegistryCache } from '../../src/consensus/registry-cache.ts'
import { createRegistryReader, createSightingsReader } from '../../src/consensus/sightings.ts'
import { createEndpoints } from '../../src/lib/endpoints.ts'
import {
  type Epoch,
  FAR_FUTURE_EPOCH,
  parsePubkey,
  type ValidatorIndex,
} from '../../src/lib/primitives.ts'

const never = new AbortController().signal
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const EPOCH_MS = 384_000

const indicesTo = (count: number) => Array.from({ length: count }, (_, i) => i as ValidatorIndex)
const pubkeyOf = (index: number, filler = 'a') =>
  parsePubkey(`0x${String(index).padStart(96, filler)}`) ?? expect.unreachable()

function entryOf(index: number, more: Partial<RegistryEntry> = {}): RegistryEntry {
  return {
    index: index as ValidatorIndex,
    pubkey: pubkeyOf(index),
    status: 'active_ongoing',
    activationEpoch: 0n as Epoch,
    exitEpoch: FAR_FUTURE_EPOCH,
    ...more,
  }
}
const registryOf = (indices: readonly number[]): Registry =>
  new Map(indices.map((index) => [index as ValidatorIndex, entryOf(index)]))

/** Consensus nodes that know some validators, the two readers that ask them, and a clock. */
function setUp({ intervalMs = EPOCH_MS, batchSize = 1_000, nodes = 1 } = {}) {
  let time = 1_700_000_000_000
  const now = () => time
  const asked: { node: number; ids: readonly number[] }[] = []
  const known = Array.from({ length: nodes }, () => new Map(registryOf(indicesTo(10_000))))
  const node = (number: number) =>
    ({
      validators: async (_state: string, ids: readonly ValidatorIndex[]) => {
        for (let at = 0; at < ids.length; at += batchSize) {
          asked.push({ node: number, ids: ids.slice(at, at + batchSize) })
        }
        const entries = new Map(
          ids.flatMap((id) => {
            const entry = known[number]?.get(id)
            return entry === undefined ? [] : [[id, entry] as const]
          }),
        )
        return { optimistic: false, entries }
      },
    }) as Partial<ConsensusNode> as ConsensusNode
  const endpoints = createEndpoints(
    known.map((_, number) => ({ host: `node ${number}`, node: node(number) })),
    () => false,
  )
  const cache = createRegistryCache({ intervalMs, batchSize, now })
  return {
    known,
    read: createRegistryReader(endpoints, cache),
    look: createSightingsReader(endpoints, cache),
    pass: (ms: number) => {
      time += ms
    },
    /** The questions since the last call. */
    asked: () => asked.splice(0),
  }
}

describe('validators that nobody asked for', () => {
  test('are read in a slice at each interval, and none is older than eight of them', async () => {
    const { read, pass, asked } = setUp()
    const all = indicesTo(10_000)
    await read(all, never)
    expect(asked()).toHaveLength(10)
    const readAt = new Map(all.map((index) => [index as number, 0]))
    for (let cycle = 1; cycle <= 40; cycle += 1) {
      // No cycle comes to the millisecond.
      pass(EPOCH_MS + (cycle % 3) * 5_000 - 5_000)
      await read(all, never)
      const questions = asked()
      expect(questions.length).toBeLessThanOrEqual(2)
      for (const id of questions.flatMap(({ ids }) => ids)) readAt.set(id, cycle)
      expect(cycle - Math.min(...readAt.values())).toBeLessThanOrEqual(8)
    }
  })

  test('are not read again by further cycles in the same interval', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(100), never)
    asked()
    for (let i = 0; i < 5; i += 1) {
      pass(20_000)
      await read(indicesTo(100), never)
    }
    expect(asked()).toEqual([])
  })

  test.each([
    [10 * MINUTE_MS, 12],
    [HOUR_MS, 4],
    [3 * HOUR_MS, 2],
  ])('are at most an hour old where an interval takes %i ms', async (intervalMs, cycles) => {
    const { read, pass, asked } = setUp({ intervalMs })
    const all = indicesTo(50)
    await read(all, never)
    let time = 0
    const readAt = new Map(all.map((index) => [index as number, 0]))
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      asked()
      pass(intervalMs + 50)
      time += intervalMs + 50
      await read(all, never)
      for (const id of asked().flatMap(({ ids }) => ids)) readAt.set(id, time)
      expect(time - Math.min(...readAt.values())).toBeLessThanOrEqual(HOUR_MS)
    }
  })

  test('show what a reorg changed: an exit that is gone, a key that is another one', async () => {
    const { read, pass, known } = setUp()
    const index = 7 as ValidatorIndex
    known[0]?.set(index, entryOf(7, { exitEpoch: 9n as Epoch, pubkey: pubkeyOf(7, 'b') }))
    expect((await read([index], never)).get(index)?.exitEpoch).toBe(9n)
    known[0]?.set(index, entryOf(7))
    for (let cycle = 0; cycle < 9; cycle += 1) {
      pass(EPOCH_MS)
      await read([index], never)
    }
    expect((await read([index], never)).get(index)).toEqual(entryOf(7))
  })

  test('are all read again when the clock was set back', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(100), never)
    asked()
    pass(-24 * HOUR_MS)
    await read(indicesTo(100), never)
    expect(asked().flatMap(({ ids }) => ids)).toHaveLength(100)
  })

  test('are forgotten once their messages are gone', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(100), never)
    for (let cycle = 0; cycle < 120; cycle += 1) {
      pass(EPOCH_MS)
      if (cycle === 110) asked()
      await read([0 as ValidatorIndex], never)
    }
    expect(new Set(asked().flatMap(({ ids }) => ids))).toEqual(new Set([0]))
  })
})

test('that a validator is unknown is never remembered', async () => {
  const { read, known, asked } = setUp()
  const index = 20_000 as ValidatorIndex
  expect((await read([index], never)).size).toBe(0)
  known[0]?.set(index, entryOf(20_000))
  expect((await read([index], never)).get(index)).toEqual(entryOf(20_000))
  expect(asked()).toHaveLength(2)
})

test('a validator that a node has forgotten is unknown, and asked for in each load', async () => {
  const { read, pass, known, asked } = setUp()
  const index = 7 as ValidatorIndex
  await read([index], never)
  known[0]?.delete(index)
  for (let cycle = 0; cycle < 9; cycle += 1) {
    pass(EPOCH_MS)
    await read([index], never)
  }
  asked()
  expect((await read([index], never)).size).toBe(0)
  expect(asked()).toHaveLength(1)
})

describe('validators whose exit is asked for', () => {
  test('are as fresh as the last look at them', async () => {
    const { read, look, pass, known, asked } = setUp()
    const index = 7 as ValidatorIndex
    await read(indicesTo(10), never)
    pass(EPOCH_MS)
    known[0]?.set(index, entryOf(7, { exitEpoch: 9n as Epoch }))
    await look([index], never)
    asked()
    expect((await read([index], never)).get(index)?.exitEpoch).toBe(9n)
    expect(asked().flatMap(({ ids }) => ids)).not.toContain(7)
  })

  test('leave the others a ninth at a time, so that one more request serves nine thousand', async () => {
    const { read, look, pass, asked } = setUp()
    const all = indicesTo(10_000)
    const open = all.filter((index) => index % 10 === 0)
    await read(all, never)
    asked()
    for (let cycle = 1; cycle <= 30; cycle += 1) {
      // No cycle comes on time.
      pass(EPOCH_MS * (1 + (cycle % 3) / 20))
      await look(open, never)
      await read(all, never)
      expect(asked().map(({ ids }) => ids.length)).toEqual([1_000, 1_000])
    }
  })

  test('take others along whose turn it is, at the first node only', async () => {
    const { read, look, pass, asked } = setUp({ batchSize: 100, nodes: 2 })
    await read(indicesTo(900), never)
    asked()
    pass(EPOCH_MS)
    await look(
      [0, 1, 2].map((index) => index as ValidatorIndex),
      never,
    )
    const questions = asked()
    expect(questions.map(({ node, ids }) => [node, ids.length])).toEqual([
      [0, 100],
      [1, 3],
    ])
    await read(indicesTo(900), never)
    const later = asked().flatMap(({ ids }) => ids)
    expect(later.length).toBeLessThanOrEqual(3)
    expect(later.filter((id) => questions[0]?.ids.includes(id))).toEqual([])
  })

  test('count as the first node that answers has them', async () => {
    const { read, look, known } = setUp({ nodes: 2 })
    const index = 7 as ValidatorIndex
    await read([index], never)
    known[1]?.set(index, entryOf(7, { pubkey: pubkeyOf(7, 'b') }))
    await look([index], never)
    expect((await read([index], never)).get(index)?.pubkey).toBe(pubkeyOf(7))
  })
})
