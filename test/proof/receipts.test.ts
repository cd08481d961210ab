import { keccak256, ZeroHash } from 'ethers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Address, Bytes32 } from '../../src/lib/primitives.ts'
import { checkReceipts, logsOfPaths, receiptsRootOf } from '../../src/proof/receipts.ts'
import anvil from '../vectors/receipts/anvil.json' with { type: 'json' }
import apis from '../vectors/receipts/execution-apis.json' with { type: 'json' }

type Receipt = Readonly<Record<string, unknown>> & { readonly logs: readonly object[] }
type Block = { readonly receiptsRoot: string; readonly receipts: readonly Receipt[] }
const blocks: readonly Block[] = [...anvil, ...apis]
const [, mixed] = blocks
if (mixed === undefined) throw new Error('no block')
const root = mixed.receiptsRoot as Bytes32
/** Whose logs are wanted: that of the first log. */
const [{ address = '' } = {}] = (mixed.receipts[0]?.logs ?? []) as { address?: string }[]
const contract = address.toLowerCase() as Address
const check = (receipts: unknown, of = root) => checkReceipts(receipts, of, contract)
/** The receipt of this place told otherwise. */
const retold = (at: number, changes: object) =>
  mixed.receipts.map((receipt, place) => (place === at ? { ...receipt, ...changes } : receipt))

const withLogs = (one: Receipt, changes: object) => ({
  ...one,
  logs: one.logs.map((log) => ({ ...log, ...changes })),
})

describe('receipts of real blocks', () => {
  test.each(blocks)('have the root that their block names: $receiptsRoot', async (block) => {
    const blockRoot = block.receiptsRoot as Bytes32
    const all = block.receipts
      .flatMap(({ logs }) => logs as { address: string; topics: string[]; data: string }[])
      .map(({ address, topics, data }) => ({ address: address.toLowerCase(), topics, data }))
    const wanted = (all[0]?.address ?? contract) as Address
    const found = await checkReceipts(block.receipts, blockRoot, wanted)
    const logs = new Map([...all.entries()].filter(([, one]) => one.address === wanted))

    expect(found).toMatchObject({ ok: true, logs })
    if (!found.ok) return
    const [kept] = found.receipts
    expect(await logsOfPaths(found.receipts, blockRoot, wanted)).toEqual(logs)
    if (kept === undefined) return
    await expect(logsOfPaths(found.receipts, ZeroHash as Bytes32, wanted)).rejects.toThrow()
    const moved = { ...kept, place: kept.place + 1 }
    expect(await logsOfPaths([moved], blockRoot, wanted).catch(() => undefined)).toBeUndefined()
  })

  test('are of every type, one of them reverted, and more than 127 in a block', () => {
    const all = anvil.flatMap(({ receipts }) => receipts as unknown as Receipt[])
    expect(new Set(all.map(({ type }) => type))).toEqual(
      new Set(['0x0', '0x1', '0x2', '0x3', '0x4']),
    )
    expect(all.some(({ status }) => status === '0x0')).toBe(true)
    expect(anvil.some(({ receipts }) => receipts.length > 127)).toBe(true)
  })

  test('of no transaction have the root of an empty trie', async () => {
    expect(await receiptsRootOf([])).toBe(keccak256('0x80'))
    expect(await check([], keccak256('0x80') as Bytes32)).toEqual({
      ok: true,
      logs: new Map(),
      receipts: [],
    })
  })
})

describe('the same receipts in other words', () => {
  test.each<[string, readonly unknown[]]>([
    ['in another order', mixed.receipts.toReversed()],
    ['with null for what is not there', mixed.receipts.map((one) => ({ ...one, root: null }))],
    ['with integers as numbers', retold(0, { type: 0, status: 1, transactionIndex: 0 })],
    ['without the type of a legacy one', retold(0, { type: undefined })],
    [
      'with logIndex counted anew in each',
      mixed.receipts.map((one) => withLogs(one, { logIndex: '0x0' })),
    ],
    ['with fields of their own', retold(1, { l1Fee: '0x1', blobGasUsed: {} })],
  ])('are understood %s', async (_, receipts) => {
    expect((await check(receipts)).ok).toBe(true)
  })
})

describe('receipts that are not those of the block', () => {
  const [first] = mixed.receipts
  const [log] = first?.logs ?? []
  test.each<[string, readonly unknown[]]>([
    ['a receipt less', mixed.receipts.slice(1)],
    ['a receipt more', [...mixed.receipts, { ...mixed.receipts[0], transactionIndex: '0x6' }]],
    [
      'two in each other’s place',
      mixed.receipts.map((one, at) => (at < 2 ? { ...one, transactionIndex: `0x${1 - at}` } : one)),
    ],
    ['another type', retold(0, { type: '0x2' })],
    ['another status', retold(0, { status: '0x0' })],
    ['a state root instead of the status', retold(0, { status: null, root: ZeroHash })],
    ['other gas', retold(0, { cumulativeGasUsed: '0x1' })],
    ['another bloom', retold(0, { logsBloom: `0x${'00'.repeat(256)}` })],
    ['no log', retold(0, { logs: [] })],
    ['a log twice', retold(0, { logs: [log, log] })],
    [
      'a log of another contract',
      retold(0, { logs: [{ ...log, address: `0x${'12'.repeat(20)}` }] }),
    ],
    ['a log with other topics', retold(0, { logs: [{ ...log, topics: [ZeroHash] }] })],
    ['a log with other data', retold(0, { logs: [{ ...log, data: '0x99' }] })],
  ])('are refused: %s', async (_, receipts) => {
    expect(await check(receipts)).toMatchObject({
      ok: false,
      why: expect.stringContaining('receipts have the root 0x'),
    })
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'no'],
    ['a list of null', [null]],
    ['a log that is none', retold(0, { logs: [7] })],
    ['topics that are none', retold(0, { logs: [{ ...log, topics: 'no' }] })],
    ['a type that is none', retold(0, { type: '0xff' })],
    ['more than any block holds', Array.from({ length: 20_001 })],
  ])('are refused without an exception: %s', async (_, receipts) => {
    expect((await check(receipts)).ok).toBe(false)
  })

  test('are refused whatever they are', async () => {
    const other = fc
      .tuple(fc.nat(5), fc.constantFrom(...Object.keys(first ?? {})), fc.jsonValue())
      .map(([at, name, value]) => retold(at, { [name]: value }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), other), async (receipts) => {
        const found = await check(receipts)
        if (found.ok) expect(found).toEqual(await check(mixed.receipts))
      }),
      { seed: 20_261_126, numRuns: 150 },
    )
  })
})
