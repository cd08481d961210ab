import { describe, expect, test } from 'vitest'
import type { ConsensusNode } from '../../src/consensus/consensus-node.ts'
import type { Registry, RegistryEntry } from '../../src/consensus/registry.ts'
import { createRegistryReader } from '../../src/consensus/registry-reader.ts'
import { createSightingsReader } from '../../src/consensus/sightings.ts'
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
function setUp({ nodes = 1 } = {}) {
  let time = 1_700_000_000_000
  const now = () => time
  const asked: { node: number; ids: readonly number[] }[] = []
  const known = Array.from({ length: nodes }, () => new Map(registryOf(indicesTo(10_000))))
  const unreadable = Array.from({ length: nodes }, () => new Set<number>())
  const node = (number: number) =>
    ({
      validators: async (_state: string, ids: readonly ValidatorIndex[]) => {
        asked.push({ node: number, ids })
        const bad = ids.filter((id) => unreadable[number]?.has(id))
        const entries = new Map(
          ids.flatMap((id) => {
            const entry = bad.includes(id) ? undefined : known[number]?.get(id)
            return entry === undefined ? [] : [[id, entry] as const]
          }),
        )
        return { optimistic: false, entries, unreadable: new Map(bad.map((id) => [id, 'no'])) }
      },
    }) as Partial<ConsensusNode> as ConsensusNode
  const endpoints = createEndpoints(
    known.map((_, number) => ({ host: `node ${number}`, node: node(number) })),
    () => false,
  )
  const registry = createRegistryReader(endpoints, now)
  return {
    known,
    unreadable,
    read: registry.read,
    look: createSightingsReader(endpoints, registry),
    pass: (ms: number) => {
      time += ms
    },
    /** The questions since the last call. */
    asked: () => asked.splice(0),
  }
}

const indexOf = (index: number) => index as ValidatorIndex

describe('what is read of the registry', () => {
  test('serves for an hour, and is then read again', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(10_000), never)
    for (let i = 0; i < 9; i += 1) {
      pass(6 * MINUTE_MS)
      await read(indicesTo(10_000), never)
    }
    expect(asked()).toHaveLength(1)
    pass(6 * MINUTE_MS)
    const { entries } = await read(indicesTo(10_000), never)
    expect(entries.size).toBe(10_000)
    expect(asked().map(({ ids }) => ids.length)).toEqual([10_000])
  })

  test('shows what a reorg changed: an exit that is gone, a key that is another one', async () => {
    const { read, pass, known } = setUp()
    known[0]?.set(indexOf(7), entryOf(7, { exitEpoch: 9n as Epoch, pubkey: pubkeyOf(7, 'b') }))
    expect((await read([indexOf(7)], never)).entries.get(indexOf(7))?.exitEpoch).toBe(9n)
    known[0]?.set(indexOf(7), entryOf(7))
    pass(HOUR_MS)
    expect((await read([indexOf(7)], never)).entries.get(indexOf(7))).toEqual(entryOf(7))
  })

  test('is read again when the clock was set back', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(100), never)
    asked()
    pass(-24 * HOUR_MS)
    await read(indicesTo(100), never)
    expect(asked().flatMap(({ ids }) => ids)).toHaveLength(100)
  })

  test('is not read for validators whose messages are gone', async () => {
    const { read, pass, asked } = setUp()
    await read(indicesTo(100), never)
    asked()
    pass(HOUR_MS)
    await read(indicesTo(1), never)
    expect(asked().flatMap(({ ids }) => ids)).toEqual([0])
  })

  test('never says for long that a validator is unknown', async () => {
    const { read, known, asked } = setUp()
    const index = indexOf(20_000)
    expect((await read([index], never)).entries.size).toBe(0)
    known[0]?.set(index, entryOf(20_000))
    expect((await read([index], never)).entries.get(index)).toEqual(entryOf(20_000))
    expect(asked()).toHaveLength(2)
  })

  test('does not hold a validator that the node has forgotten', async () => {
    const { read, pass, known } = setUp()
    await read([indexOf(7)], never)
    known[0]?.delete(indexOf(7))
    pass(HOUR_MS)
    expect((await read([indexOf(7)], never)).entries.size).toBe(0)
  })

  test('does not hold it either where others were read a short time before', async () => {
    const { read, known, pass } = setUp()
    pass(HOUR_MS / 2)
    await read([indexOf(1)], never)
    pass(HOUR_MS / 2)
    await read([indexOf(2)], never)
    known[0]?.delete(indexOf(1))
    pass(HOUR_MS / 2)
    expect((await read([indexOf(1), indexOf(2)], never)).entries).toEqual(registryOf([2]))
  })

  test('is what was known when it was asked for, also where the answer for others takes its time', async () => {
    const { read, pass } = setUp()
    await read(indicesTo(3), never)
    pass(HOUR_MS - 1)
    const answer = read(indicesTo(4), never)
    // Now an hour is over for the first three.
    pass(1)
    expect((await answer).entries).toEqual(registryOf([0, 1, 2, 3]))
  })

  test('is as fresh as the last look at a request', async () => {
    const { read, look, known, asked } = setUp()
    await read(indicesTo(10), never)
    known[0]?.set(indexOf(7), entryOf(7, { exitEpoch: 9n as Epoch }))
    await look([indexOf(7)], never)
    asked()
    expect((await read([indexOf(7)], never)).entries.get(indexOf(7))?.exitEpoch).toBe(9n)
    expect(asked()).toEqual([])
  })

  test('is what the first node says, also after a look at a request', async () => {
    const { read, look, known } = setUp({ nodes: 2 })
    await read([indexOf(7)], never)
    known[1]?.set(indexOf(7), entryOf(7, { pubkey: pubkeyOf(7, 'b') }))
    await look([indexOf(7)], never)
    expect((await read([indexOf(7)], never)).entries.get(indexOf(7))?.pubkey).toBe(pubkeyOf(7))
  })
})

describe('a validator that a node cannot be asked about', () => {
  test('is named, and spoils no other', async () => {
    const { read, unreadable } = setUp()
    unreadable[0]?.add(3)
    const { entries, unreadable: found } = await read(indicesTo(5), never)
    expect([...entries.keys()]).toEqual([0, 1, 2, 4])
    expect([...found]).toEqual([[3, 'no']])
  })

  test.each([
    ['knows it', (known: Map<ValidatorIndex, RegistryEntry> | undefined) => known, 5, 0],
    [
      'does not know it',
      (known: typeof undefined | Map<ValidatorIndex, RegistryEntry>) => known?.delete(indexOf(3)),
      4,
      0,
    ],
  ])('is asked for elsewhere: another node %s', async (_, change, known, unreadableCount) => {
    const { read, unreadable, known: all } = setUp({ nodes: 2 })
    unreadable[0]?.add(3)
    change(all[1])
    const { entries, unreadable: found } = await read(indicesTo(5), never)
    expect([entries.size, found.size]).toEqual([known, unreadableCount])
  })

  test('is neither known nor unknown to a look at its request', async () => {
    const { look, unreadable } = setUp({ nodes: 2 })
    unreadable[0]?.add(3)
    const found = await look(indicesTo(5), never)
    expect(found.get(indexOf(3))?.head.map(({ host }) => host)).toEqual(['node 1'])
    expect(found.get(indexOf(4))?.head).toHaveLength(2)
    unreadable[1]?.add(3)
    expect((await look(indicesTo(5), never)).get(indexOf(3))?.head).toEqual([])
  })
})
