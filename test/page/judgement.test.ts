import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { COVERS, judge } from '../../src/page/judgement.ts'
import type { StatusDocument } from '../../src/page/status-document.ts'
import {
  allWell,
  iso,
  listOf,
  nextExits,
  open,
  operator,
  starting,
  type Whole,
  watching,
} from './documents.ts'

type Alert = { alert: string; expr: string; for?: string; labels: { severity: string } }
const path = new URL('../../docker/prometheus/alerts.yml', import.meta.url)
const alerts = (parse(readFileSync(path, 'utf8')) as { groups: { rules: Alert[] }[] }).groups
  .flatMap(({ rules }) => rules)
  .map((rule) => ({ ...rule, alert: rule.alert.replace('ValidatorEjector', '') }))

/** What a daemon cannot tell of itself. */
const NOT_ON_THE_PAGE = ['Down', 'Absent', 'Restarts', 'OperatorOverdue', 'ManyExitsDelayed']

const well = allWell()
const operators = (more: Parameters<typeof operator>[0]) => ({
  operators: listOf([operator(), operator({ operator: 6, ...more })]),
})
const overdue = (more: object) =>
  operators({ overdue: { delayed: 0, delinquent: 0, module: 0, ...more } })
const requests = (more: Partial<Whole['requests']>) => ({ requests: { ...well.requests, ...more } })
const messages = (left: number, used: number, refused = 0) => ({
  messages: {
    ...(well.messages as NonNullable<Whole['messages']>),
    left: { total: left, rows: [] },
    used: { total: used, rows: [] },
    refused: { total: refused, rows: [] },
  },
})
const drift = (more: Partial<NonNullable<Whole['drift']>>) => ({
  drift: { ...(well.drift as NonNullable<Whole['drift']>), ...more },
})
const mode = (more: Partial<Whole['mode']>) => ({ mode: { ...well.mode, ...more } })
const reading = (more: Partial<Whole['reading']>) => ({ reading: { ...well.reading, ...more } })
const addresses = (count: number) => Array.from({ length: count }, (_, at) => `0x${at}`)
const unproven = (
  age: number,
  reason = 'unlisted-signer',
  finding: 'finalized' | 'invented' | null = null,
) =>
  requests({
    unproven: listOf([
      { ...open(1, age + 900), state: 'unproven' as const, reason, finding, seenAt: iso(-age) },
    ]),
  })
const answers = (rejected: number, accepted: number) => ({
  ...requests({ answers: { rejected, accepted } }),
  ...operators({ states: { ...operator().states, submitted: 1 } }),
})
const nodes = (...of: readonly (readonly [up: boolean, synced: boolean])[]) => ({
  nodes: well.nodes.map((node, at) => {
    const [up, synced] = of[at] ?? [true, true]
    return { ...node, up, synced }
  }),
})

/** A document for a number that the alert compares, such that the alert's series has it. */
const cases: Readonly<Record<string, (value: number) => Partial<Whole>>> = {
  RequestWithoutMessage: (withoutMessage) => operators({ withoutMessage }),
  DeadlineHalfGone: (timeLeftSeconds) =>
    operators({ timeLeftSeconds, oldestAgeSeconds: 40 * 3_600 }),
  Deadline24Hours: (timeLeftSeconds) => operators({ timeLeftSeconds }),
  Deadline4Hours: (timeLeftSeconds) => operators({ timeLeftSeconds }),
  ExitDelayed: (delayed) => overdue({ delayed }),
  ExitOverdue: (delinquent) => overdue({ delinquent }),
  ExitsNotAccepted: (rejected) => answers(Math.ceil(rejected), 0),
  RequestUnproven: (count) => unproven(count > 0 ? 1_800 : 1_799),
  GenuineRequestUnproven: (count) =>
    unproven(60, 'unlisted-signer', count > 0 ? 'finalized' : null),
  RequestInvented: (count) => unproven(60, 'not-in-block', count > 0 ? 'invented' : null),
  VerificationErrors: (count) => unproven(60, count > 0 ? 'unlisted-signer' : 'answer-missing'),
  MessagesBelow30Percent: (percent) => messages(percent * 10, 1_000 - percent * 10),
  MessagesBelow15Percent: (percent) => messages(percent * 10, 1_000 - percent * 10),
  NoMessages: (left) => messages(left, 0),
  NextExitNotSigned: (runway) => ({ nextExits: listOf([nextExits({ runway })]) }),
  RunwayShort: (runway) => ({ nextExits: listOf([nextExits({ runway, suggested: 40 })]) }),
  MessagesNotLoaded: (seconds) => ({ messages: null, startedAt: iso(-seconds) }),
  InvalidMessages: (count) => messages(10, 0, count),
  NoGoodCycle: (seconds) => ({ cycles: { lastGoodAt: iso(-seconds), failedWithinHour: 0 } }),
  CyclesFail: (failedWithinHour) => ({ cycles: { ...well.cycles, failedWithinHour } }),
  JournalDegraded: (value) => ({ journal: { degraded: value === 1 } }),
  NodeDown: (up) => nodes([up === 1, up === 1]),
  NodeUnsynced: (synced) => nodes([true, synced === 1]),
  NoUsableNode: (best) => nodes([true, false], [true, best === 1]),
  FinalityStale: (seconds) => reading({ finalizedAt: iso(-seconds) }),
  BlocksUnread: (unreadBlocks) => reading({ unreadBlocks }),
  ProtocolVersionUnknown: (value) =>
    reading({ versionProblem: value > 0 ? 'The exit bus has version 9' : null }),
  AllowlistMissing: (count) => drift({ missing: addresses(count) }),
  AllowlistStale: (count) => drift({ stale: addresses(count) }),
  OracleKeyAnnounced: (count) =>
    drift({ announced: addresses(count).map((signer) => ({ signer, activeFrom: 1 })) }),
  OracleSeatVacant: (count) => drift({ vacant: addresses(count) }),
  OnHold: (value) => mode({ onHold: value === 1 }),
  ExitsHeld: (held) => requests({ held }),
  ExitsRateLimited: (late) => requests({ rateLimited: { total: 3, late } }),
  DryRun: (value) => mode({ dryRun: value === 1 }),
  OperatorOverdue: (delinquent) => ({
    ...overdue({ delinquent }),
    ...mode({ delivery: 'watch' }),
  }),
  ManyExitsDelayed: (delayed) => ({ ...overdue({ delayed }), ...mode({ delivery: 'watch' }) }),
  TrustMode: (value) => mode({ trustMode: value === 1 }),
}

/** What the last comparison of an expression compares with what, where it is no number. */
const NAMED: Readonly<Record<string, readonly [string, number]>> = {
  DeadlineHalfGone: ['<=', 40 * 3_600],
  RunwayShort: ['<', 20],
  // No comparison: the series is absent for as long as `for` says.
  MessagesNotLoaded: ['>', 3_600],
}

/** The first comparison with a number in an alert's condition. */
function comparisonOf({ alert, expr }: Alert): readonly [operator: string, number] {
  const named = NAMED[alert]
  if (named !== undefined) return named
  const [, operator = '', numbers = ''] = /(<=|>=|==|<|>) ([\d.]+(?: \* \d+)?)/.exec(expr) ?? []
  return [operator, numbers.split(' * ').reduce((product, one) => product * Number(one), 1)]
}

/** A number for which the comparison is just true, and one for which it is just not. */
function beside([operator, value]: readonly [string, number]): readonly [number, number] {
  switch (operator) {
    case '<':
      return [value - 1, value]
    case '<=':
      return [value, value + 1]
    case '>':
      return [value + 1, value]
    case '>=':
      return [value, value - 1]
    default:
      return [value, value === 0 ? 1 : 0]
  }
}

const found = (status: StatusDocument) => judge(status).findings.map(({ alert }) => alert)

describe('the judgement is that of the alerts', () => {
  test('every alert has a case here, or the daemon cannot know of it', () => {
    const known = [...Object.keys(cases), ...NOT_ON_THE_PAGE]
    expect(alerts.map(({ alert }) => alert).filter((alert) => !known.includes(alert))).toEqual([])
  })

  test.each(alerts.filter(({ alert }) => !NOT_ON_THE_PAGE.includes(alert)))(
    '$alert: $expr',
    (rule) => {
      const { alert, labels } = rule
      const make = cases[alert] as (typeof cases)[string]
      const [bad, good] = beside(comparisonOf(rule))
      const { findings } = judge(allWell(make(bad)))
      const one = findings.find((finding) => finding.alert === alert)

      expect(one?.level).toBe(labels.severity === 'critical' ? 'act' : 'look')
      expect(found(allWell(make(good)))).not.toContain(alert)
    },
  )

  test('what Alertmanager holds back is covered here too', () => {
    const path = new URL('../../docker/alertmanager/alertmanager.yml', import.meta.url)
    const { inhibit_rules } = parse(readFileSync(path, 'utf8')) as {
      inhibit_rules: { source_matchers: [string]; target_matchers: [string] }[]
    }
    const textOf = (matcher: string) => /"(?:ValidatorEjector)?(.*)"/.exec(matcher)?.[1] ?? ''
    for (const { source_matchers, target_matchers } of inhibit_rules) {
      const held = new RegExp(
        `^ValidatorEjector(${textOf(target_matchers[0]).replace(/^\((.*)\)$/, '$1')})$`,
      )
      const names = alerts
        .map(({ alert }) => alert)
        .filter((one) => held.test(`ValidatorEjector${one}`))
      const source = textOf(source_matchers[0])
      expect(COVERS[source], source).toEqual(
        expect.arrayContaining(names.filter((one) => one !== source)),
      )
    }
  })

  test('exits that one node accepts are no alarm, nor rejections while nothing is open', () => {
    expect(found(allWell(answers(9, 1)))).not.toContain('ExitsNotAccepted')
    expect(
      found(allWell({ ...requests({ answers: { rejected: 9, accepted: 0 } }), ...operators({}) })),
    ).not.toContain('ExitsNotAccepted')
  })

  test('without keys that can be asked for, and in webhook mode, no runway is short', () => {
    const none = nextExits({ suggested: 0, signed: 0, runway: 0, keys: 3 })
    const webhook = nextExits({ suggested: null, signed: null, runway: null })
    for (const row of [none, webhook]) {
      expect(judge(allWell({ nextExits: listOf([row]) })).level).toBe('well')
    }
    const status = allWell({ ...mode({ delivery: 'webhook' }), messages: null })
    expect(judge(status).level).toBe('well')
  })
})

test('of others, in watch, only what watch has alerts for is told, with names', () => {
  expect(judge(watching()).findings).toMatchObject([
    { alert: 'OperatorOverdue', level: 'look', text: 'Past the deadline: Late Validators' },
  ])
  expect(judge(watching(20)).level).toBe('act')
  expect(judge(watching(19)).level).toBe('look')
})

describe('the judgement', () => {
  test('of a daemon in order is that all is well', () => {
    expect(judge(allWell())).toEqual({ level: 'well', findings: [] })
  })

  test('of a daemon that starts is not yet that all is well', () => {
    expect(judge(starting()).level).toBe('look')
    expect(judge({ ...starting(), startedAt: iso(-3_700) }).level).toBe('act')
    const { requests: _, ...cut } = allWell()
    expect(judge(cut).level).toBe('look')
    expect(judge(allWell({ messages: null, startedAt: iso(-60) })).findings).toMatchObject([
      { level: 'look', alert: undefined, text: 'The messages are still loading' },
    ])
  })

  test('names the worst first, and does not repeat what it covers', () => {
    const status = allWell({
      ...overdue({ delayed: 3, delinquent: 1 }),
      ...mode({ dryRun: true, trustMode: true }),
    })

    expect(found(status)).toEqual(['ExitOverdue', 'TrustMode', 'DryRun'])
  })

  test('counts over all operators', () => {
    const status = allWell({
      operators: listOf([operator({ withoutMessage: 1 }), operator({ withoutMessage: 2 })]),
    })

    expect(judge(status).findings[0]?.text).toBe('3 requested exits have no message')
  })
})
