import { describe, expect, test } from 'vitest'
import type { ValidatorIndex } from '../../src/lib/primitives.ts'
import type { Case } from '../../src/requests/cycle-parts.ts'
import { noLimit } from '../../src/requests/deadlines.ts'
import { applyFact, noFacts } from '../../src/requests/facts.ts'
import { lineOf, viewOf } from '../../src/requests/rendering.ts'
import { requestOf } from '../journal/support.ts'

const request = requestOf(7)
const ASKED_MS = request.timestamp * 1_000
const HOUR_MS = 3_600_000

const caseOf = (more: Partial<Case> = {}): Case => ({
  request,
  limit: noLimit,
  state: 'proven',
  next: { kind: 'offer', exit: undefined },
  message: undefined,
  verdict: undefined,
  ...more,
})

const surroundings = (more: object = {}) => ({
  facts: noFacts(),
  now: ASKED_MS + HOUR_MS,
  dryRun: false,
  isHeld: false,
  ...more,
})

describe('the view of a request', () => {
  test.each([
    ['is due', {}, {}, 'ready', 'due'],
    ['is held back', {}, { isHeld: true }, 'ready', 'held'],
    ['is rehearsed', {}, { dryRun: true }, 'ready', 'dry-run'],
    [
      'lacks a message',
      { next: { kind: 'wait', code: 'no-message', detail: '7.json was rejected' } },
      {},
      'missing',
      'no-message',
    ],
    [
      'is not possible yet',
      { next: { kind: 'wait', code: 'not-active' } },
      {},
      'pending',
      'not-active',
    ],
    ['is exiting', { state: 'exiting', next: { kind: 'nothing' } }, {}, 'exiting', null],
    ['has left', { state: 'lapsed', next: { kind: 'nothing' } }, {}, 'left', null],
    [
      'is not proven',
      {
        state: 'unproven',
        next: { kind: 'nothing' },
        verdict: { kind: 'unproven', code: 'answer-missing' },
      },
      {},
      'unproven',
      'answer-missing',
    ],
  ] as const)('that %s', (_, one, around, outcome, reason) => {
    const view = viewOf(caseOf(one as Partial<Case>), surroundings(around))
    expect(view).toMatchObject({ outcome, reason })
    if (reason !== null) expect(view.remedy).not.toBe('')
  })

  test('says when it must be done, while it is open', () => {
    const limit = { moduleSeconds: 48 * 3_600, possibleFrom: undefined }
    const { open } = viewOf(caseOf({ limit }), surroundings({ now: ASKED_MS + 30 * HOUR_MS }))
    expect(open).toMatchObject({
      deadline: new Date(ASKED_MS + 48 * HOUR_MS).toISOString(),
      secondsLeft: 18 * 3_600,
      passed: ['delayed'],
    })
    expect(open?.limits.map(({ name }) => name)).toEqual(['delayed', 'delinquent', 'module'])
    expect(viewOf(caseOf({ state: 'exiting' }), surroundings()).open).toBeNull()
  })

  test('says what lateness costs, where the module tells', () => {
    const lateFee = { wei: 10n ** 17n, isForEach32Eth: false }
    const told = { moduleSeconds: 48 * 3_600, possibleFrom: undefined, lateFee }
    const costOf = (limit: Case['limit']) =>
      viewOf(caseOf({ limit }), surroundings()).open?.lateCost

    expect(costOf(told)).toEqual({
      from: new Date(ASKED_MS + 48 * HOUR_MS).toISOString(),
      eth: '0.1',
      forEach32Eth: false,
      text: '0.1 ETH of your bond',
    })
    expect(costOf({ ...told, lateFee: { ...lateFee, isForEach32Eth: true } })?.text).toBe(
      '0.1 ETH of your bond for each 32 ETH of its balance',
    )
    expect(costOf({ ...told, lateFee: undefined })).toBeNull()
    expect(costOf({ ...told, moduleSeconds: undefined })).toBeNull()
  })

  test('knows of a submission that came after the decision', () => {
    const facts = noFacts()
    const validator = request.validatorIndex as ValidatorIndex
    applyFact(facts, { kind: 'offer-answered', at: 1, validator, accepted: true, answers: ['a'] })
    expect(viewOf(caseOf(), surroundings({ facts }))).toMatchObject({
      state: 'submitted',
      reason: 'accepted',
      history: [{ kind: 'accepted', answers: ['a'] }],
    })
  })

  test('is one line for people', () => {
    const next = { kind: 'wait', code: 'no-message', detail: '7.json was rejected' } as const
    const line = lineOf(viewOf(caseOf({ next }), surroundings()))
    expect(line).toBe(
      `validator ${request.validatorIndex} (${request.pubkey}): no message found: 7.json was rejected; 3 d 23 h remaining`,
    )
    const late = viewOf(caseOf({ next }), surroundings({ now: ASKED_MS + 97 * HOUR_MS }))
    expect(lineOf(late)).toContain('; overdue by 1 h 0 min')
  })

  test('survives a time that no date can say', () => {
    const far = { ...request, timestamp: Number.MAX_SAFE_INTEGER }
    expect(viewOf(caseOf({ request: far }), surroundings()).requestedAt).toMatch(/^\+275760/)
  })
})
