import pico from 'picocolors'
import { describe, expect, test } from 'vitest'
import { cleanTexts } from '../../src/cli/clean.ts'
import { type Setting, storyOf } from '../../src/cli/explain/story.ts'
import { parseSubject } from '../../src/cli/explain/subject.ts'
import { linesOf } from '../../src/cli/explain/text.ts'
import type { DryCycle } from '../../src/cli/gather/dry-cycle.ts'
import type { ValidatorFound } from '../../src/cli/gather/validator.ts'
import type { ModuleId, OperatorId, Pubkey, ValidatorIndex } from '../../src/lib/primitives.ts'
import type { Case, Messages } from '../../src/requests/cycle-parts.ts'
import { noLimit } from '../../src/requests/deadlines.ts'
import type { RegistryAnswer } from '../../src/requests/derive.ts'
import { type HistoryFact, noFacts } from '../../src/requests/facts.ts'

const NOW = Date.parse('2026-03-02T09:30:00Z')
const HOUR_S = 3_600
const FOLDER = { kind: 'folder', path: 'messages' } as const
const index = 7 as ValidatorIndex
const pubkey = `0x${'ab'.repeat(48)}` as Pubkey

function caseOf(hoursAgo: number, more: Partial<Case> = {}): Case {
  const request = {
    key: `key ${hoursAgo}`,
    blockNumber: 1_000 - hoursAgo,
    validatorIndex: index,
    pubkey,
    moduleId: 1,
    operatorId: 5,
    timestamp: NOW / 1_000 - hoursAgo * HOUR_S,
  } as unknown as Case['request']
  const next = { kind: 'offer' } as Case['next']
  return {
    request,
    limit: noLimit,
    state: 'proven',
    next,
    message: undefined,
    verdict: undefined,
    ...more,
  }
}

type Known = {
  readonly cases?: readonly Case[]
  readonly history?: readonly HistoryFact[]
  readonly found?: Partial<ValidatorFound>
  readonly config?: Partial<Setting['config']>
}

function tell({ cases = [caseOf(1)], history = [], found = {}, config = {} }: Known = {}) {
  const facts = { ...noFacts(), history: new Map([[index, history]]) }
  const message = { file: '7.json', exit: { epoch: 1n } }
  return storyOf(
    {
      subject: { index, pubkey },
      cycle: { report: { cases }, parts: { nextOfferAt: () => NOW } } as unknown as DryCycle,
      journal: { found: 'facts', facts, problem: undefined },
      isInJournal: true,
      blocks: undefined,
      messages: { loaded: true, find: () => message } as unknown as Messages,
      sightings: undefined,
      problems: [],
      ...found,
    },
    {
      config: {
        scope: new Map([[1 as ModuleId, [5 as OperatorId]]]),
        delivery: { mode: 'message', location: FOLDER, password: undefined },
        dryRun: false,
        trustMode: true,
        oracleQuorum: 1,
        jobIntervalMs: 384_000,
        finalityEvents: true,
        ...config,
      },
      isHeld: false,
      info: undefined,
      now: NOW,
    },
  )
}

const textOf = (known: Known = {}, colour = false) =>
  linesOf(tell(known), pico.createColors(colour)).join('\n')

describe('a deadline', () => {
  test('that has passed is said to be, with how long ago', () => {
    expect(textOf({ cases: [caseOf(97)] })).toContain(
      'deadline: it counts as delinquent from 2026-03-02 08:30:00 UTC, overdue by 1 h 0 min',
    )
  })

  test('is the module’s own where that is earlier', () => {
    const text = textOf({
      cases: [caseOf(1, { limit: { moduleSeconds: 48 * HOUR_S, possibleFrom: undefined } })],
    })

    expect(text).toContain(
      'deadline: the staking module counts it as late from 2026-03-04 08:30:00',
    )
    expect(text.match(/deadline/g)).toHaveLength(1)
  })

  test('is not told of a validator that is leaving', () => {
    const leaving = caseOf(97, { state: 'exiting', next: { kind: 'nothing' } })

    expect(tell({ cases: [leaving] }).requests[0]?.deadline).toBeNull()
    expect(textOf({ cases: [leaving] })).not.toContain('deadline')
  })
})

describe('what was sent', () => {
  const at = NOW - 60_000
  const offered: HistoryFact = { kind: 'offer-intended', at, validator: index }
  const refused: HistoryFact = {
    kind: 'offer-answered',
    at: at + 1_000,
    validator: index,
    accepted: false,
    answers: ['beacon:5052: 400: too early'],
  }

  test('and has no answer yet is not passed over', () => {
    expect(textOf({ history: [offered] })).toContain(
      '! 2026-03-02 09:29:00 UTC  submitted, no answer',
    )
  })

  test('and was answered is told once, with the answer', () => {
    const text = textOf({ history: [offered, refused] })

    expect(text).not.toContain('submitted, no answer')
    expect(text).toContain('✗ 2026-03-02 09:29:01 UTC  rejected\n    beacon:5052: 400: too early')
  })

  test('is "nothing" where a journal holds nothing', () => {
    expect(textOf()).toContain('Submitted\n  nothing')
  })
})

test('two requests of one validator are told one after the other, the older first', () => {
  const { requests } = tell({ cases: [caseOf(1), caseOf(30)] })

  expect(requests.map(({ block }) => block)).toEqual([970, 999])
  const text = textOf({ cases: [caseOf(1), caseOf(30)] })
  expect(text).toContain('request in block 970, proven: The exit is submitted')
  expect(text).toContain('request in block 999, proven: The exit is submitted')
})

test('a node that has not verified its state is marked', () => {
  const unknown: RegistryAnswer = { host: 'beacon:5052', optimistic: true, entry: undefined }

  expect(textOf({ found: { sightings: { head: [unknown], finalized: [] } } })).toContain(
    'beacon:5052, head: does not know it (optimistic',
  )
})

test('a message that was found before all were read may not be the one that counts', () => {
  const message = { file: '7.json', exit: { epoch: 1n } }
  const messages = { loaded: false, find: () => message } as unknown as Messages

  expect(textOf({ found: { messages } })).toContain('another one may count')
})

test('a request of an operator that is not ours is told as such, and nothing is promised', () => {
  const config = { scope: new Map([[1 as ModuleId, [6 as OperatorId]]]) }

  const [request] = tell({ config }).requests
  expect(request).toMatchObject({ inScope: false, operator: 5 })
  expect(request?.next).toMatchObject({ action: 'nothing', code: 'not-in-scope' })
  const text = textOf({ config })
  expect(text).toContain('of module 1, operator 5: not one of EJECTOR_SCOPE')
  expect(text).toContain('EJECTOR_SCOPE does not name operator 5 of module 1')
  expect(text).not.toContain('at the next cycle')
})

test('colours come only where they are wanted', () => {
  expect(textOf()).not.toContain('\u001b')
  expect(textOf({}, true)).toContain('\u001b[1mValidator 7')
})

test('a time that no date can say spoils nothing', () => {
  const { request, ...rest } = caseOf(1)
  const absurd = { ...rest, request: { ...request, timestamp: Number.MAX_SAFE_INTEGER } }

  expect(textOf({ cases: [absurd] })).toContain('Requested\n  +275760-09-13')
})

test('what drives a terminal is replaced in every text', () => {
  expect(cleanTexts({ file: 'a\u001b[2Jb', list: ['\u202ec'], count: 1, none: null })).toEqual({
    file: 'a\ufffd[2Jb',
    list: ['\ufffdc'],
    count: 1,
    none: null,
  })
})

test.each([
  ['7', { index: 7, pubkey: undefined }],
  [pubkey.toUpperCase().replace('0X', '0x'), { index: undefined, pubkey }],
  [pubkey.toUpperCase(), { index: undefined, pubkey }],
  ['-1', undefined],
  ['0x7', undefined],
  ['', undefined],
  ['99999999999999999999', undefined],
])('%j names a validator, or none', (text, subject) => {
  expect(parseSubject(text)).toEqual(subject)
})
