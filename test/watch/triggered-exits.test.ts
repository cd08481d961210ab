import { expect, test } from 'vitest'
import type { ExecutionNode } from '../../src/execution/execution-node.ts'
import type { LogReader } from '../../src/execution/logs.ts'
import { createTriggeredExits } from '../../src/jobs/triggered-exits.ts'
import type { Address } from '../../src/lib/primitives.ts'
import { pubkeyOf } from '../messages/fixtures.ts'
import { MODULE_ABI } from '../sim/abi.ts'

const never = new AbortController().signal
const node = {} as ExecutionNode
const MODULE = `0x${'11'.repeat(20)}` as Address
const KEY = pubkeyOf(1)

/** A chain with one such log. */
function chainWith(logBlock: number) {
  const asked: [number, number][] = []
  let down = false
  const readLogs: LogReader = async (_node, { fromBlock, toBlock }, onPart) => {
    if (down) throw new Error('no answer')
    asked.push([fromBlock, toBlock])
    const log = MODULE_ABI.encodeEventLog('ValidatorExitTriggered', [5, KEY, 1, 0])
    const isIn = fromBlock <= logBlock && logBlock <= toBlock
    onPart(isIn ? [log] : [], fromBlock, toBlock)
  }
  return {
    asked,
    exits: createTriggeredExits(readLogs, never),
    setDown(value: boolean) {
      down = value
    },
  }
}

test('new blocks are read, and older ones once an older request is late; none is read twice', async () => {
  const { asked, exits } = chainWith(60)
  await exits.read(node, [MODULE], 100, 200)
  expect(exits.has(KEY)).toBe(false)
  await exits.read(node, [MODULE], 100, 210)
  await exits.read(node, [MODULE], 50, 210)
  expect(asked).toEqual([
    [100, 200],
    [201, 210],
    [50, 99],
  ])
  expect(exits.has(KEY)).toBe(true)

  // The oldest one is forgotten: what was read stays read.
  await exits.read(node, [MODULE], 100, 220)
  await exits.read(node, [MODULE], 50, 220)
  expect(asked.slice(3)).toEqual([[211, 220]])
})

test('what failed is read again', async () => {
  const { asked, exits, setDown } = chainWith(150)
  setDown(true)
  await expect(exits.read(node, [MODULE], 100, 200)).rejects.toThrow('no answer')
  setDown(false)
  await exits.read(node, [MODULE], 100, 200)
  expect(asked).toEqual([[100, 200]])
  expect(exits.has(KEY)).toBe(true)
})

test('when no exit is late any more, it begins anew', async () => {
  const { asked, exits } = chainWith(150)
  await exits.read(node, [MODULE], 100, 200)
  exits.forget()
  expect(exits.has(KEY)).toBe(false)
  await exits.read(node, [MODULE], 140, 200)
  expect(asked).toEqual([
    [100, 200],
    [140, 200],
  ])
  expect(exits.has(KEY)).toBe(true)
})
