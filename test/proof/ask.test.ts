import { expect, test } from 'vitest'
import { createAsker } from '../../src/proof/asker.ts'
import { createEvidence } from '../../src/proof/evidence.ts'
import { transactionLookUp } from '../../src/proof/look-up.ts'
import { nextQuestions } from '../../src/proof/questions.ts'
import type { Log } from '../../src/requests/cycle-parts.ts'
import { hash } from '../journal/support.ts'

const never = new AbortController().signal
const questions = (count: number, node = 'node') =>
  Array.from({ length: count }, (_, seed) => ({ lookUp: transactionLookUp(hash(seed)), node }))

test('questions are put in the order in which they come', async () => {
  const asked: string[] = []
  const askingAt = createAsker({
    log: {} as Log,
    now: () => 0,
    ask: async ({ id }) => {
      asked.push(id)
      return [{ ok: true, result: null }]
    },
  })
  const all = questions(50)
  await askingAt().askAll(all, createEvidence(1n), never)
  expect(asked).toEqual(all.map(({ lookUp }) => lookUp.id))
})

test.each([
  ['0x5', /of a type that this daemon does not know: update the daemon/],
  ['0x2', /not the one asked for/],
])('a body of type %s: the operator is told what to do, once', async (type, text) => {
  const said: [string, unknown][] = []
  const body = { type, hash: hash(1), nonce: '0x0', gas: '0x0', value: '0x0', input: '0x' }
  const askingAt = createAsker({
    log: { error: (message: string, details: unknown) => said.push([message, details]) } as never,
    now: () => 0,
    ask: async () => [{ ok: true, result: body }],
  })
  for (let cycle = 0; cycle < 2; cycle += 1) {
    await askingAt().askAll(questions(1), createEvidence(1n), never)
  }
  expect(said).toEqual([[expect.stringMatching(text), expect.objectContaining({ node: 'node' })]])
})

test('an answer that breaks the reader costs no other question its answer', async () => {
  const broken = {
    get type(): string {
      throw new Error('boom')
    },
  }
  const evidence = createEvidence(1n)
  const asking = createAsker({
    log: {} as Log,
    now: () => 0,
    ask: async ({ id }) => [
      { ok: true, result: id === questions(1)[0]?.lookUp.id ? broken : null },
    ],
  })()
  await asking.askAll(questions(3), evidence, never)
  expect(asking.problems()).toEqual(['node: cannot take its answer in: boom'])
  // Each counts as asked: otherwise it would be asked again and again.
  const needs = questions(3).map(({ lookUp }) => ({ kind: 'needs' as const, lookUps: [lookUp] }))
  expect(nextQuestions(needs, evidence, ['node'])).toEqual([])
})
