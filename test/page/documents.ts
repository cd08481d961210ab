import type { OpenRow, StatusDocument, StatusParts } from '../../src/page/status-document.ts'
import { requestStates } from '../../src/requests/derive.ts'
import { waitReasons } from '../../src/requests/wait-reasons.ts'

/** A status document whose parts are all there. */
export type Whole = StatusDocument & StatusParts

const NOW = Date.parse('2026-11-20T12:00:00.000Z')
const HOUR_S = 3_600
export const iso = (secondsFromNow: number) => new Date(NOW + secondsFromNow * 1_000).toISOString()
const hex = (seed: number, bytes: number) =>
  `0x${(seed * 2_654_435_761)
    .toString(16)
    .padStart(8, '9')
    .repeat(bytes)
    .slice(0, 2 * bytes)}`

const noStates = Object.fromEntries(
  requestStates.map((state) => [state, 0]),
) as Whole['operators']['rows'][number]['states']
export const operator = (more: Partial<Whole['operators']['rows'][number]> = {}) => ({
  module: 1,
  operator: 5,
  name: 'Northern Staking',
  states: { ...noStates, settled: 2 },
  overdue: { delayed: 0, delinquent: 0, module: 0 },
  withoutMessage: 0,
  oldestAgeSeconds: 0,
  timeLeftSeconds: null,
  ...more,
})

const proofOf = (seed: number) => ({
  by: 'report' as const,
  reportSlot: 13_000_000,
  signers: [hex(seed + 1, 20), hex(seed + 2, 20)],
  transactions: [hex(seed + 3, 32), hex(seed + 4, 32), hex(seed + 5, 32)],
  finalizedBlock: null,
  confirmedBy: [],
})

/** Requested so long ago; submitted and on its way. */
export function open(validator: number, ageSeconds = 1_800, more: Partial<OpenRow> = {}): OpenRow {
  return {
    validator,
    pubkey: hex(validator, 48),
    module: 1,
    operator: 5,
    requestedAt: iso(-ageSeconds),
    seenAt: iso(-ageSeconds + 900),
    state: 'submitted',
    block: 23_800_000 + validator,
    transaction: hex(validator + 7, 32),
    reason: 'accepted',
    meaning: waitReasons.accepted.short,
    remedy: waitReasons.accepted.long,
    proof: proofOf(9),
    firstOfferedAt: iso(-ageSeconds + 901),
    firstAcceptedAt: iso(-ageSeconds + 902),
    offers: [
      { at: iso(-ageSeconds + 902), accepted: true, answers: ['cl-1:5052: 200', 'cl-2:5052: 200'] },
    ],
    detail: null,
    notBefore: null,
    file: `${validator}.json`,
    ageSeconds,
    deadline: iso(96 * HOUR_S - ageSeconds),
    timeLeftSeconds: 96 * HOUR_S - ageSeconds,
    lateCost: null,
    passed: ageSeconds > 24 * HOUR_S ? ['delayed'] : [],
    ...more,
  }
}

export const lacksMessage: Partial<OpenRow> = {
  state: 'proven',
  reason: 'no-message',
  meaning: waitReasons['no-message'].short,
  remedy: waitReasons['no-message'].long,
  firstOfferedAt: null,
  firstAcceptedAt: null,
  offers: [],
  file: null,
}

export const listOf = <Row>(rows: readonly Row[]) => ({ total: rows.length, rows })

/** A daemon with everything in order: one exit on its way, two done. */
export function allWell(more: Partial<Whole> = {}): Whole {
  return {
    version: '1.0.0',
    startedAt: iso(-9 * 24 * HOUR_S),
    at: iso(0),
    mode: {
      delivery: 'message',
      dryRun: false,
      trustMode: false,
      onHold: false,
      network: 'mainnet',
      scope: { 1: [5] },
    },
    lastCycle: { endedAt: iso(-130), ok: true, failures: [] },
    cycles: { lastGoodAt: iso(-130), failedWithinHour: 0 },
    requests: {
      open: listOf([open(1_204_511)]),
      unproven: listOf([]),
      held: 0,
      rateLimited: { total: 0, late: 0 },
      answers: { accepted: 1, rejected: 0 },
    },
    exits: listOf([
      exit(1_204_377, 2 * HOUR_S, 'exiting'),
      exit(1_204_102, 31 * HOUR_S, 'settled'),
      exit(1_203_988, 54 * HOUR_S, 'settled'),
    ]),
    operators: listOf([
      operator({
        states: { ...noStates, submitted: 1, exiting: 1, settled: 2 },
        oldestAgeSeconds: 1_800,
        timeLeftSeconds: 96 * HOUR_S - 1_800,
      }),
    ]),
    reading: { finalizedAt: iso(-800), unreadBlocks: 0, versionProblem: null },
    messages: {
      readAt: iso(-130),
      files: 412,
      left: { total: 409, rows: [] },
      used: { total: 3, rows: [] },
      refused: listOf([]),
      superseded: listOf([]),
    },
    nextExits: listOf([nextExits()]),
    nodes: [
      { layer: 'execution', host: 'el-1.example:8545', up: true, synced: true, why: null },
      { layer: 'execution', host: 'el-2.example:8545', up: true, synced: true, why: null },
      { layer: 'consensus', host: 'cl-1.example:5052', up: true, synced: true, why: null },
      { layer: 'consensus', host: 'cl-2.example:5052', up: true, synced: true, why: null },
    ],
    drift: {
      at: iso(-1_900),
      node: 'el-1.example:8545',
      missing: [],
      announced: [],
      stale: [],
      kept: [],
      vacant: [],
    },
    journal: { degraded: false },
    ...more,
  }
}

export const nextExits = (more: Partial<Whole['nextExits']['rows'][number]> = {}) => ({
  module: 1,
  operator: 5,
  name: 'Northern Staking',
  readAt: iso(-1_900),
  keys: 4_000,
  overTarget: 0,
  suggested: 400,
  signed: 400,
  runway: 409,
  firstUnsigned: 1_207_330,
  missing: [1_207_330, 1_207_331, 1_207_335].map((validator) => ({
    validator,
    pubkey: hex(validator, 48),
  })),
  ...more,
})

export const exit = (validator: number, ageSeconds: number, state: 'exiting' | 'settled') => {
  const { requestedAt, seenAt, pubkey, proof, offers, firstOfferedAt, firstAcceptedAt } = open(
    validator,
    ageSeconds,
  )
  return {
    validator,
    pubkey,
    module: 1,
    operator: 5,
    requestedAt,
    seenAt,
    state,
    proof,
    offers,
    firstOfferedAt,
    firstAcceptedAt,
    exitingAt: iso(-ageSeconds + 1_400),
    settledAt: state === 'settled' ? iso(-ageSeconds + 2_300) : null,
  }
}

/** One of these requests has no message. */
export function missingMessage(): Whole {
  const well = allWell()
  const one = open(1_204_520, 5 * HOUR_S, {
    ...lacksMessage,
    detail: '1204520.json was rejected: wrong-signature: signed for another chain or key',
  })
  return allWell({
    requests: { ...well.requests, open: listOf([one, ...well.requests.open.rows]) },
    operators: listOf([
      operator({
        states: { ...noStates, proven: 1, submitted: 1, settled: 2 },
        withoutMessage: 1,
        oldestAgeSeconds: 5 * HOUR_S,
        timeLeftSeconds: 91 * HOUR_S,
      }),
    ]),
    messages: {
      ...(well.messages as NonNullable<Whole['messages']>),
      refused: listOf([
        {
          file: '1204520.json',
          entry: null,
          validator: 1_204_520,
          reason: 'wrong-signature',
          meaning: 'signature does not match',
          remedy: 'Sign again.',
          detail: 'signed for another chain or key',
        },
        {
          file: 'keystore-m_12381_3600.json',
          entry: null,
          validator: null,
          reason: 'keystore',
          meaning: 'KEY MATERIAL: a keystore, not an exit message',
          remedy: 'Remove it at once, and sign an exit message with it elsewhere.',
          detail: '',
        },
      ]),
    },
    nextExits: listOf([
      nextExits({ runway: 112, signed: 180 }),
      nextExits({
        module: 4,
        operator: 0,
        name: null,
        keys: 300,
        suggested: 30,
        signed: 30,
        runway: 64,
      }),
    ]),
    drift: {
      ...(well.drift as NonNullable<Whole['drift']>),
      announced: [{ signer: hex(77, 20), activeFrom: Math.floor(NOW / 1_000) + 30 * HOUR_S }],
    },
  })
}

export function overdue(): Whole {
  const rows = [
    open(1_204_001, 99 * HOUR_S, {
      passed: ['delayed', 'delinquent', 'module'],
      reason: 'due',
      meaning: 'submitted, and submitted again in the next cycle',
      remedy: 'The exit is submitted at every cycle until a node accepts it.',
      offers: [
        {
          at: iso(-98 * HOUR_S),
          accepted: false,
          answers: ['cl-1.example:5052: 503 node is syncing'],
        },
        { at: iso(-400), accepted: false, answers: ['cl-1.example:5052: 500 internal error'] },
      ],
    }),
    open(1_204_002, 80 * HOUR_S),
    open(1_204_003, 50 * HOUR_S),
    open(1_204_004, 2 * HOUR_S),
  ]
  const well = allWell()
  return allWell({
    requests: { ...well.requests, open: listOf(rows) },
    operators: listOf([
      operator({
        states: { ...noStates, submitted: 4, settled: 2 },
        overdue: { delayed: 3, delinquent: 1, module: 1 },
        oldestAgeSeconds: 99 * HOUR_S,
        timeLeftSeconds: -3 * HOUR_S,
      }),
    ]),
    nodes: well.nodes.map((node, at) =>
      at === 3 ? { ...node, up: false, synced: false, why: 'connect ECONNREFUSED' } : node,
    ),
  })
}

const inMode = (mode: Partial<Whole['mode']>, held = 0): Whole => {
  const well = allWell()
  return allWell({ mode: { ...well.mode, ...mode }, requests: { ...well.requests, held } })
}
export const onHold = () => inMode({ onHold: true }, 1)
export const dryRun = () => inMode({ dryRun: true })
export const trusting = () => inMode({ trustMode: true })

const seen = {
  open: 3,
  done: 40,
  unproven: 0,
  reportedLate: 1,
  triggered: 0,
  deadline: iso(-3_600),
}

/** `watch` of the whole protocol: one operator is overdue. */
export function watching(delayed = 2): Whole {
  const well = allWell()
  const overdue = { delayed, delinquent: 1, module: 1 }
  const watched = { ...seen, secondsToExit: 1_500 }
  const module = (id: number, name: string) => ({
    ...seen,
    module: id,
    name,
    operators: 39,
    asked: 12,
    overdue: { ...overdue, delinquent: id === 1 ? 1 : 0 },
    timeLeftSeconds: null,
  })
  return allWell({
    mode: { ...well.mode, delivery: 'watch', scope: 'all' },
    messages: null,
    drift: null,
    nextExits: listOf([]),
    modules: [module(1, 'curated-onchain-v1'), module(3, 'Community Staking')],
    operators: listOf([
      operator({ name: 'Late Validators', overdue, watched, timeLeftSeconds: -3_600 }),
      operator({ operator: 6, watched }),
    ]),
  })
}

/** What is known while the start waits for nodes. */
export function starting(): StatusDocument {
  const { version, at, mode, nodes } = allWell()
  return {
    version,
    startedAt: iso(-20),
    at,
    mode: { ...mode, network: null },
    lastCycle: null,
    cycles: { lastGoodAt: null, failedWithinHour: 0 },
    nodes,
  }
}

/** As many open requests as `/status` shows, each with all that a story can hold. */
export function thousand(): Whole {
  const well = allWell()
  const rows = Array.from({ length: 1_000 }, (_, at) => {
    const age = (95 - (at % 90)) * HOUR_S
    return open(
      1_300_000 + at,
      age,
      at % 5 === 0 ? { ...lacksMessage, detail: '3 files are still to be read' } : {},
    )
  })
  return allWell({
    requests: { ...well.requests, open: { total: 1_400, rows } },
    operators: listOf([
      operator({
        states: { ...noStates, proven: 280, submitted: 1_120 },
        overdue: { delayed: 1_100, delinquent: 0, module: 0 },
        withoutMessage: 280,
        oldestAgeSeconds: 95 * HOUR_S,
        timeLeftSeconds: HOUR_S,
      }),
    ]),
    exits: listOf(
      Array.from({ length: 100 }, (_, at) => exit(1_400_000 + at, (at + 1) * HOUR_S, 'settled')),
    ),
  })
}

/** What would run, load or break out if it were not escaped. */
export const HOSTILE = [
  '<script>window.pwned=1</script>',
  '"><img src=x onerror="window.pwned=1">',
  "' onmouseover='window.pwned=1",
  '</title></textarea></details></main><h1>Owned</h1>',
  'javascript:window.pwned=1',
  '<!--',
  '{{7*7}}',
  '\u202etxt.exe\u2066',
  'a'.repeat(3_000),
] as const

/** Such text at every place that a node, a file or a contract has a say in. */
export function hostile(): Whole {
  const text = HOSTILE.join(' ')
  const well = missingMessage()
  const evil = (value: unknown, name = ''): unknown => {
    if (typeof value === 'string')
      return /(^at$|At$|^deadline$|^delivery$|^state$|^layer$|^notBefore$)/.test(name)
        ? value
        : text
    if (Array.isArray(value)) return value.map((one) => evil(one))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, evil(one, key)]))
  }
  return {
    ...(evil({ ...well, lastCycle: { ...well.lastCycle, ok: false, failures: [text] } }) as Whole),
    version: '1.0.0',
  }
}
