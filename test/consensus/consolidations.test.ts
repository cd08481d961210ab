import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createConsensusNode } from '../../src/consensus/consensus-node.ts'

const never = new AbortController().signal

/** What is made of this answer: the validators that consolidate into another one, or an error. */
function read(text: string, status = 200) {
  const http = async () => ({ status, text, headers: {} })
  const node = createConsensusNode(http, 1_000, () => {})
  return node.pendingConsolidations(never).catch((error: unknown) => error)
}

const index = fc.nat({ max: 2 ** 40 })
const told = (value: number) => fc.constantFrom(value, String(value))

test('property: the sources count, each once, whatever stands beside them', async () => {
  const entry = index.chain((source) =>
    fc.record({
      source: fc.constant(source),
      wire: fc.record({ source_index: told(source), target_index: fc.jsonValue() }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 20 }), fc.jsonValue(), async (list, more) => {
      const text = JSON.stringify({ version: more, data: list.map(({ wire }) => wire) })
      expect(await read(text)).toEqual(new Set(list.map(({ source }) => source)))
    }),
    { numRuns: 200 },
  )
})

test('property: any other answer is an error, and no half of a list', async () => {
  const odd = fc.oneof(
    fc.constantFrom(-1, 1.5, null, '', '0x1', '-1', 'x', true, 2 ** 60),
    fc.array(fc.nat()),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(index), odd, async (sources, wrong) => {
      const data = [...sources, wrong].map((source_index) => ({ source_index }))
      expect(await read(JSON.stringify({ data }))).toBeInstanceOf(Error)
    }),
    { numRuns: 200 },
  )
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
      const answer = await read(text)
      expect(answer instanceof Error || (answer instanceof Set && answer.size === 0)).toBe(true)
    }),
    { numRuns: 200 },
  )
  expect(await read('{"data":null}')).toEqual(new Set())
  expect(await read('{"data":[]}', 500)).toBeInstanceOf(Error)
})
