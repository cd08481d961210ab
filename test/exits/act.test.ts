import { expect, test } from 'vitest'
import { actOn } from '../../src/exits/act.ts'
import type { VerifiedExit } from '../../src/messages/exit-message.ts'
import type { Case, CycleParts, OfferResult } from '../../src/requests/cycle-parts.ts'
import { noLimit } from '../../src/requests/deadlines.ts'
import { open, requestOf } from '../journal/support.ts'

const never = new AbortController().signal
const TAKEN: OfferResult = { accepted: true, answers: ['hook: 200'] }

const dueCases = (count: number): Case[] =>
  Array.from({ length: count }, (_, seed) => ({
    request: requestOf(seed),
    limit: noLimit,
    state: 'proven',
    next: { kind: 'offer', exit: {} as VerifiedExit },
    message: undefined,
    verdict: undefined,
  }))

/** Cycles over the same cases, with a way out that is the test's. */
function setUp(offer: CycleParts['offer']) {
  const journal = open(undefined)
  const said: string[] = []
  let time = 1
  const parts = {
    journal,
    offer,
    now: () => time++,
    isHeld: async () => false,
    settings: { mode: 'webhook', dryRun: false, scope: new Map() },
    metrics: { set() {} },
    log: { error: (message: string) => said.push(message) },
  } as unknown as CycleParts
  const reporter = { tellOffer() {} } as unknown as Parameters<typeof actOn>[2]
  return {
    said,
    act: (cases: readonly Case[], signal = never) => actOn(cases, parts, reporter, signal, 100),
  }
}

test('exits that hang do not keep others from being handed out in the next cycle', async () => {
  const taken = new Set<number>()
  const { act, said } = setUp(async ({ validatorIndex }, _exit, _deadline, signal) => {
    if (validatorIndex < requestOf(40).validatorIndex) {
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    }
    taken.add(validatorIndex)
    return TAKEN
  })
  const cases = dueCases(60)
  await act(cases)
  expect(taken.size).toBe(0)
  await act(cases)
  await act(cases)

  expect(taken.size).toBe(20)
  expect(said[0]).toContain('exits: 0 of 60 could be submitted in time')
})

test('the end of the cycle ends it, and is not taken for a lack of time', async () => {
  const ending = new AbortController()
  const { act, said } = setUp(async () => {
    ending.abort(new Error('the daemon stops'))
    return new Promise(() => {})
  })
  await expect(act(dueCases(2), ending.signal)).rejects.toThrow('the daemon stops')
  expect(said).toEqual([])
})

test('requests of one validator are one offer, that of the earliest', async () => {
  const offered: number[] = []
  const { act } = setUp(async ({ blockNumber }) => {
    offered.push(blockNumber)
    return TAKEN
  })
  const [first, second] = dueCases(2) as [Case, Case]
  const { validatorIndex } = first.request
  await act([{ ...second, request: { ...second.request, validatorIndex } }, first])
  expect(offered).toEqual([first.request.blockNumber])
})
