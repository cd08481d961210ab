import {
  always,
  eachCycle,
  first,
  nothing,
  OURS,
  passing,
  running,
  runningOut,
  type SeriesSet,
} from './rule-test.ts'

/** What is other than on a healthy daemon, when to look, and what fires then besides the alert. */
export type AlertCase = {
  readonly series: SeriesSet
  readonly at: string
  readonly besides?: readonly string[]
}

type Cases = { readonly fires: AlertCase; readonly quiet: AlertCase }

const HOUR = 3_600
/** A cycle of 6.5 minutes, in steps. */
const ONE_CYCLE = 13

const requests = (state: string) => `exit_requests{state="${state}",${OURS}}`
const overdue = (limit: string) => `exit_requests_overdue{limit="${limit}",${OURS}}`
const answers = (result: string) => `exit_submissions_total{host="cl-1:5052",result="${result}"}`
const cycles = (result: string) =>
  `job_duration_seconds_count{name="validator-ejector",interval="384000",result="${result}"}`
const EL_1 = 'layer="execution",host="el-1:8545"'
const EL_2 = 'layer="execution",host="el-2:8545"'
const CL_1 = 'layer="consensus",host="cl-1:5052"'
const WITHOUT_MESSAGE = `exit_requests_without_message{${OURS}}`
const unproven = (finding: string) => `unproven_requests{finding="${finding}"}`
const VERIFICATION_ERRORS = 'event_security_verification{result="error"}'

const NO_LOAD: SeriesSet = {
  exit_messages_left_number: undefined,
  exit_messages_left_percent: undefined,
}
const WEBHOOK: SeriesSet = {
  ...NO_LOAD,
  'build_info{version="1.0.0",mode="message"}': undefined,
  'build_info{version="1.0.0",mode="webhook"}': always(1),
}

/** `watch`, which sees an operator with a name. */
const WATCH: SeriesSet = {
  ...NO_LOAD,
  [WITHOUT_MESSAGE]: undefined,
  'build_info{version="1.0.0",mode="message"}': undefined,
  'build_info{version="1.0.0",mode="watch"}': always(1),
  [`operator_info{${OURS},name="Alice"}`]: always(1),
}

/** So many can be served in a row, of so many that are suggested. */
const runway = (length: number, suggested: number): SeriesSet => ({
  [`next_exits_runway{${OURS}}`]: always(length),
  [`next_exits_suggested{${OURS}}`]: always(suggested),
})

/** An open request with this age and this time left, in seconds, at the beginning. */
const open = (age: number, left: number): SeriesSet => ({
  [requests('submitted')]: always(1),
  [`exit_request_oldest_age_seconds{${OURS}}`]: running(age),
  [`exit_request_deadline_seconds{${OURS}}`]: runningOut(left),
})

const HALF = 'ValidatorEjectorDeadlineHalfGone'
const DAY = 'ValidatorEjectorDeadline24Hours'
const FOUR_HOURS = 'ValidatorEjectorDeadline4Hours'

/** A gauge above zero from the fifth minute on: for good, or for so many steps, seen at their end. */
const lasting = (series: string, steps: number, at: string): Cases => ({
  fires: { series: { [series]: first(0, 10, 1) }, at },
  quiet: { series: { [series]: passing(1, 10, steps) }, at: `${(9 + steps) * 30}s` },
})

/** For each alert a case in which it fires, and one that is like it and in which it does not. */
export const cases: Readonly<Record<string, Cases>> = {
  ValidatorEjectorRequestWithoutMessage: lasting(WITHOUT_MESSAGE, ONE_CYCLE, '16m'),
  [HALF]: {
    fires: { series: open(48 * HOUR, 48 * HOUR), at: '11m' },
    quiet: { series: open(44 * HOUR, 52 * HOUR), at: '3h' },
  },
  [DAY]: {
    fires: { series: open(72 * HOUR, 24 * HOUR), at: '11m', besides: [HALF] },
    quiet: { series: open(68 * HOUR, 28 * HOUR), at: '3h', besides: [HALF] },
  },
  [FOUR_HOURS]: {
    fires: { series: open(92 * HOUR, 4 * HOUR), at: '11m', besides: [HALF, DAY] },
    quiet: { series: open(88 * HOUR, 8 * HOUR), at: '3h', besides: [HALF, DAY] },
  },
  ValidatorEjectorExitDelayed: lasting(overdue('delayed'), ONE_CYCLE, '16m'),
  ValidatorEjectorExitOverdue: {
    fires: {
      series: { ...open(97 * HOUR, -HOUR), [overdue('delinquent')]: always(1) },
      at: '11m',
      besides: [HALF, DAY, FOUR_HOURS],
    },
    quiet: {
      series: { [overdue('delayed')]: always(1) },
      at: '1h',
      besides: ['ValidatorEjectorExitDelayed'],
    },
  },
  ValidatorEjectorExitsNotAccepted: {
    fires: {
      series: { [requests('proven')]: always(1), [answers('refused')]: eachCycle(2) },
      at: '1h',
    },
    quiet: {
      series: {
        [requests('proven')]: always(1),
        [answers('refused')]: eachCycle(2),
        [answers('accepted')]: eachCycle(10),
      },
      at: '1h',
    },
  },
  // The alerts of who hands out exits are silent there.
  ValidatorEjectorOperatorOverdue: {
    fires: {
      series: {
        ...WATCH,
        ...open(97 * HOUR, -HOUR),
        [overdue('delayed')]: always(1),
        [overdue('delinquent')]: always(1),
      },
      at: '11m',
    },
    quiet: {
      series: { ...WATCH, ...open(90 * HOUR, 2 * HOUR), [overdue('delayed')]: always(19) },
      at: '1h',
    },
  },
  ValidatorEjectorManyExitsDelayed: {
    fires: { series: { ...WATCH, [overdue('delayed')]: always(20) }, at: '11m' },
    quiet: { series: { ...WATCH, [overdue('delayed')]: passing(20, 10, ONE_CYCLE) }, at: '11m' },
  },
  ValidatorEjectorRequestUnproven: lasting(requests('unproven'), 3 * ONE_CYCLE, '40m'),
  ValidatorEjectorGenuineRequestUnproven: lasting(unproven('finalized'), ONE_CYCLE, '16m'),
  ValidatorEjectorRequestInvented: lasting(unproven('invented'), ONE_CYCLE, '16m'),
  ValidatorEjectorVerificationErrors: {
    fires: { series: { [VERIFICATION_ERRORS]: first(0, 10, 1) }, at: '6m' },
    quiet: { series: { [VERIFICATION_ERRORS]: first(0, 10, 1) }, at: '1h10m' },
  },
  ValidatorEjectorMessagesBelow30Percent: {
    fires: { series: { exit_messages_left_percent: always(29) }, at: '16m' },
    quiet: { series: { exit_messages_left_percent: always(30) }, at: '1h' },
  },
  ValidatorEjectorMessagesBelow15Percent: {
    fires: {
      series: { exit_messages_left_percent: always(14) },
      at: '16m',
      besides: ['ValidatorEjectorMessagesBelow30Percent'],
    },
    quiet: {
      series: { exit_messages_left_percent: always(15) },
      at: '1h',
      besides: ['ValidatorEjectorMessagesBelow30Percent'],
    },
  },
  ValidatorEjectorNoMessages: {
    fires: {
      series: { exit_messages_left_number: always(0), exit_messages_left_percent: always(0) },
      at: '16m',
      besides: ['ValidatorEjectorMessagesBelow30Percent', 'ValidatorEjectorMessagesBelow15Percent'],
    },
    quiet: {
      series: { exit_messages_left_number: always(1), exit_messages_left_percent: always(50) },
      at: '1h',
    },
  },
  // One that all of its few validators have messages for is no case.
  ValidatorEjectorNextExitNotSigned: {
    fires: { series: runway(0, 1), at: '16m' },
    quiet: { series: runway(1, 1), at: '3h' },
  },
  ValidatorEjectorRunwayShort: {
    fires: { series: runway(19, 40), at: '1h1m' },
    quiet: { series: runway(20, 40), at: '3h' },
  },
  ValidatorEjectorMessagesNotLoaded: {
    fires: { series: NO_LOAD, at: '1h1m' },
    quiet: { series: WEBHOOK, at: '3h' },
  },
  ValidatorEjectorInvalidMessages: lasting('exit_messages{valid="false"}', 2 * ONE_CYCLE, '21m'),
  ValidatorEjectorDown: {
    fires: { series: { ...nothing, up: first(1, 10, 0) }, at: '20m' },
    quiet: { series: { up: passing(0, 10, 8, 1) }, at: '9m' },
  },
  ValidatorEjectorAbsent: {
    fires: { series: nothing, at: '11m' },
    quiet: {
      series: { ...nothing, up: always(0) },
      at: '11m',
      besides: ['ValidatorEjectorDown'],
    },
  },
  ValidatorEjectorNoGoodCycle: {
    fires: { series: { last_successful_cycle_timestamp_seconds: always(600) }, at: '1h16m' },
    quiet: { series: { last_successful_cycle_timestamp_seconds: always(600) }, at: '1h10m' },
  },
  ValidatorEjectorCyclesFail: {
    fires: { series: { [cycles('error')]: eachCycle(1) }, at: '1h' },
    quiet: { series: { [cycles('error')]: eachCycle(1, 2) }, at: '1h' },
  },
  ValidatorEjectorRestarts: {
    fires: { series: { process_start_time_seconds: '0x20 600x20 1200x20 1800x340' }, at: '40m' },
    quiet: { series: { process_start_time_seconds: '0x20 600x20 1200x360' }, at: '40m' },
  },
  ValidatorEjectorJournalDegraded: lasting('journal_degraded', ONE_CYCLE, '16m'),
  ValidatorEjectorNodeDown: {
    fires: {
      series: { [`node_up{${EL_1}}`]: always(0), [`node_synced{${EL_1}}`]: always(0) },
      at: '16m',
    },
    quiet: {
      series: {
        [`node_up{${EL_1}}`]: passing(0, 10, 2 * ONE_CYCLE, 1),
        [`node_synced{${EL_1}}`]: passing(0, 10, 2 * ONE_CYCLE, 1),
      },
      at: '17m30s',
    },
  },
  ValidatorEjectorNodeUnsynced: {
    fires: { series: { [`node_synced{${EL_1}}`]: always(0) }, at: '16m' },
    quiet: {
      series: { [`node_up{${EL_1}}`]: always(0), [`node_synced{${EL_1}}`]: always(0) },
      at: '16m',
      besides: ['ValidatorEjectorNodeDown'],
    },
  },
  ValidatorEjectorNoUsableNode: {
    fires: {
      series: { [`node_synced{${EL_1}}`]: always(0), [`node_synced{${EL_2}}`]: always(0) },
      at: '11m',
    },
    quiet: {
      series: { [`node_synced{${EL_1}}`]: always(0) },
      at: '1h',
      besides: ['ValidatorEjectorNodeUnsynced'],
    },
  },
  ValidatorEjectorFinalityStale: {
    fires: { series: { finalized_block_timestamp_seconds: always(600) }, at: '1h21m' },
    quiet: { series: { finalized_block_timestamp_seconds: always(600) }, at: '1h10m' },
  },
  ValidatorEjectorBlocksUnread: lasting('unread_blocks', 4 * ONE_CYCLE, '36m'),
  ValidatorEjectorProtocolVersionUnknown: lasting('protocol_version_unknown', 2 * ONE_CYCLE, '21m'),
  ValidatorEjectorAllowlistMissing: lasting('oracle_allowlist_missing', 2 * ONE_CYCLE, '21m'),
  ValidatorEjectorAllowlistStale: lasting('oracle_allowlist_stale', 2 * ONE_CYCLE, '21m'),
  ValidatorEjectorOracleKeyAnnounced: lasting('oracle_allowlist_announced', 2 * ONE_CYCLE, '21m'),
  ValidatorEjectorOracleSeatVacant: lasting('oracle_seats_vacant', 100, '1h10m'),
  ValidatorEjectorOnHold: lasting('submissions_on_hold', 100, '1h10m'),
  ValidatorEjectorExitsHeld: lasting('exit_requests_held', ONE_CYCLE, '16m'),
  ValidatorEjectorExitsRateLimited: lasting('exit_requests_rate_limited_late', ONE_CYCLE, '16m'),
  ValidatorEjectorDryRun: lasting('dry_run', 100, '1h10m'),
  ValidatorEjectorTrustMode: lasting('trust_mode', 100, '1h10m'),
}

/** More that must, and must not, be said. */
export const scenes: Readonly<Record<string, AlertCase & { readonly firing: readonly string[] }>> =
  {
    'a healthy daemon': { series: {}, at: '3h', firing: [] },
    'a daemon that has just started and loads for 20 minutes': {
      series: {
        exit_messages_left_number: '_x40 90x360',
        exit_messages_left_percent: '_x40 90x360',
        'exit_messages{valid="true"}': first(0, 40, 100),
        last_successful_cycle_timestamp_seconds: '_x40 1230+30x360',
        oracle_allowlist_missing: '_x40 0x360',
        oracle_allowlist_stale: '_x40 0x360',
        oracle_allowlist_announced: '_x40 0x360',
        oracle_seats_vacant: '_x40 0x360',
      },
      at: '21m',
      firing: [],
    },
    'a restart of two minutes, after which everything is counted anew': {
      series: {
        up: '1x40 0x4 1x355',
        process_start_time_seconds: '0x40 _x4 1320x355',
        [cycles('success')]: '40x40 _x4 1x355',
        [answers('refused')]: '9x40 _x4 0x355',
        [VERIFICATION_ERRORS]: '2x40 _x4 0x355',
        exit_messages_left_number: '90x40 _x6 90x353',
        exit_messages_left_percent: '90x40 _x6 90x353',
        'build_info{version="1.0.0",mode="message"}': '1x40 _x4 1x355',
      },
      at: '30m',
      firing: [],
    },
    'a restart with an overdue request, and none known until the first cycle': {
      series: {
        up: '1x60 0x2 1x337',
        [overdue('delinquent')]: '1x60 _x2 0x5 1x332',
      },
      // Were it resolved by the restart, it would be pending still.
      at: '36m',
      firing: ['ValidatorEjectorExitOverdue'],
    },
    'an overdue request that has left': {
      series: { [overdue('delinquent')]: '1x60 0x339' },
      at: '46m',
      firing: [],
    },
    'two daemons of which one is away': {
      series: {
        'up{instance="other:8989"}': always(0),
        'build_info{version="1.0.0",mode="message",instance="other:8989"}': '1x10 stale',
      },
      at: '1h30m',
      firing: ['ValidatorEjectorDown'],
    },
    'refusals of what was accepted and is seen exiting': {
      series: { [requests('exiting')]: always(1), [answers('refused')]: eachCycle(2) },
      at: '1h',
      firing: [],
    },
    'a prefix that is not that of the alerts': {
      series: { ...nothing, up: always(1), process_start_time_seconds: always(0) },
      at: '11m',
      firing: ['ValidatorEjectorAbsent'],
    },
    'a daemon that waits for its nodes and never had a good cycle': {
      series: { last_successful_cycle_timestamp_seconds: undefined },
      at: '1h6m',
      firing: ['ValidatorEjectorNoGoodCycle'],
    },
    'a daemon that finds no consensus node at its start': {
      series: {
        last_successful_cycle_timestamp_seconds: undefined,
        finalized_block_timestamp_seconds: undefined,
        [`node_up{${CL_1}}`]: always(0),
        [`node_synced{${CL_1}}`]: always(0),
      },
      at: '16m',
      firing: ['ValidatorEjectorNoUsableNode', 'ValidatorEjectorNodeDown'],
    },
    'a webhook that does not answer': {
      series: { [requests('proven')]: always(1), [answers('unanswered')]: eachCycle(1) },
      at: '1h',
      firing: ['ValidatorEjectorExitsNotAccepted'],
    },
    'requests that nothing could be read about': {
      series: { [requests('seen')]: always(3) },
      at: '31m',
      firing: ['ValidatorEjectorRequestUnproven'],
    },
  }
