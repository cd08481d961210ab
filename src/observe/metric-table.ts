type MetricSpec<Type extends string> = {
  readonly type: Type
  readonly labels: readonly string[]
  readonly help: string
}

const specOf =
  <const Type extends 'counter' | 'gauge' | 'histogram'>(type: Type) =>
  (labels: readonly string[], help: string): MetricSpec<Type> => ({ type, labels, help })
const [counter, gauge, histogram] = [specOf('counter'), specOf('gauge'), specOf('histogram')]

/**
 * Every metric of ours by its name without prefix. The instruments are made from this, and the
 * README is held against it. All carry the label `app` as well.
 */
export const metricTable = {
  build_info: gauge(['version', 'mode'], 'Always 1: what is running, and how it exits'),
  exit_messages: counter(
    ['valid'],
    'Exit messages at the last load: validators with a valid one, and rejected files or entries',
  ),
  exit_messages_left_number: gauge(
    [],
    'Valid exit messages of validators that have not exited yet',
  ),
  exit_messages_left_percent: gauge(
    [],
    'Share of the valid exit messages that is unused, in percent',
  ),
  exit_actions: counter(
    ['result'],
    'Exits that a node or the webhook took (success), or that were rejected or lack a message (error); a request once for each',
  ),
  event_security_verification: counter(['result'], 'Exit requests proven to be genuine, or not'),
  polling_last_blocks_duration_seconds: histogram(
    ['eventsNumber'],
    'Time to read the exit requests of the last blocks, by how many there were (100+: as many or more)',
  ),
  execution_request_duration_seconds: histogram(
    ['result', 'status', 'domain'],
    'Time of a request to an execution node',
  ),
  consensus_request_duration_seconds: histogram(
    ['result', 'status', 'domain'],
    'Time of a request to a consensus node',
  ),
  job_duration_seconds: histogram(
    ['name', 'interval', 'result'],
    'Time of a cycle, by its interval in milliseconds; failed cycles too',
  ),
  job_message_reloader_duration_seconds: histogram(
    ['name', 'interval', 'result'],
    'Time of a load of the exit messages, by its interval in milliseconds',
  ),
  message_load_files: gauge(
    ['state'],
    'Files of the latest load of the exit messages, by what became of them: done or still to be read (left)',
  ),
  message_load_messages: gauge(
    ['valid'],
    'Messages that the latest load has found so far: validators with a valid one, and rejected files or entries',
  ),
  message_load_remaining_seconds: gauge(
    [],
    'Time that the load of the exit messages will take still, as far as it can be told; 0 when it is over',
  ),
  last_successful_cycle_timestamp_seconds: gauge(
    [],
    'When the last good cycle ended, in Unix time',
  ),
  node_up: gauge(['layer', 'host'], 'Whether a node answers: 1 or 0'),
  node_synced: gauge(['layer', 'host'], 'Whether a node follows the chain: 1 or 0'),
  journal_degraded: gauge(
    [],
    'Whether facts are kept in memory alone, since STATE_FILE cannot be written: 1 or 0',
  ),
  exit_requests: gauge(
    ['state', 'module', 'operator'],
    'Exit requests that are known, by their state. Open ones are proven or submitted',
  ),
  unproven_requests: gauge(
    ['finding'],
    'Exit requests that are not proven, and that a finalized block holds as the consensus nodes say (finalized), or that none holds (invented)',
  ),
  exit_request_oldest_age_seconds: gauge(
    ['module', 'operator'],
    'Time since the request of the exit that is open longest; 0 when none is open',
  ),
  exit_request_deadline_seconds: gauge(
    ['module', 'operator'],
    'Time until the deadline of the most urgent open exit, negative when it is overdue; absent when none is open',
  ),
  exit_requests_overdue: gauge(
    ['limit', 'module', 'operator'],
    'Open exits past a limit: delayed (24 h), delinquent (the deadline) or module (what the staking module names)',
  ),
  exit_requests_without_message: gauge(
    ['module', 'operator'],
    'Open exits for which no valid message is loaded',
  ),
  operator_info: gauge(
    ['module', 'operator', 'name'],
    'Always 1: operators that were asked for exits, with the name that their module knows. `watch` only',
  ),
  exit_requests_last_day: gauge(
    ['module'],
    'Exits that the protocol asked for within the last 24 hours. `watch` only',
  ),
  exit_requests_reported_late: gauge(
    ['module', 'operator'],
    'Exits past their deadline that were proven late on chain, as the staking module says. `watch` only',
  ),
  exit_requests_triggered: gauge(
    ['module', 'operator'],
    'Exits past their deadline that were made through the execution layer, as the staking module says. `watch` only',
  ),
  exit_submissions_total: counter(
    ['host', 'result'],
    'Answers to submitted exits, of each consensus node or the webhook: accepted, rejected (refused) or unanswered',
  ),
  exit_request_to_submission_seconds: histogram(
    ['module', 'operator'],
    'Time from the request of an exit until it was first accepted by a node or the webhook',
  ),
  exit_request_to_exiting_seconds: histogram(
    ['module', 'operator'],
    'Time from the request of an exit until every node that answers shows it',
  ),
  exit_request_to_settled_seconds: histogram(
    ['module', 'operator'],
    'Time from the request of an exit until every node that answers shows it in the finalized state',
  ),
  finalized_block_timestamp_seconds: gauge(
    [],
    'Time of the newest finalized block that any execution node told, in Unix time',
  ),
  unread_blocks: gauge(
    [],
    'Blocks within the look-back whose logs no execution node gives: requests in them are not seen',
  ),
  protocol_version_unknown: gauge(
    [],
    'Whether the exit bus has versions that this program was not made for, as a node says: 1 or 0',
  ),
  submissions_on_hold: gauge([], 'Whether HOLD_FILE exists: 1 or 0'),
  exit_requests_held: gauge([], 'Exits that are due and held back by HOLD_FILE'),
  exit_requests_rate_limited: gauge([], 'Exits that are due and held back by MAX_EXITS_PER_HOUR'),
  exit_requests_rate_limited_late: gauge(
    [],
    'Exits that MAX_EXITS_PER_HOUR holds back until after their deadline',
  ),
  exit_rate_limit_wait_seconds: gauge(
    [],
    'Time until the last exit that MAX_EXITS_PER_HOUR holds back may be submitted; 0 when none is',
  ),
  finality_events_connected: gauge(
    [],
    'Whether a consensus node brings events of finality: 1 or 0',
  ),
  oracle_allowlist_missing: gauge(
    [],
    'Addresses that sign for the oracle, as a node says, and are not in the allowlist',
  ),
  oracle_allowlist_stale: gauge(
    [],
    'Addresses in the allowlist that sign for the oracle no more, as a node says',
  ),
  oracle_allowlist_announced: gauge(
    [],
    'Announced keys of the oracle, as a node says, that are not in the allowlist',
  ),
  oracle_seats_vacant: gauge([], 'Members of the oracle for which nobody signs, as a node says'),
  next_exits_runway: gauge(
    ['module', 'operator'],
    'Requests in a row that can be served before the first one lacks a message',
  ),
  next_exits_keys: gauge(
    ['module', 'operator'],
    'Keys that can be requested next, as a node lists them',
  ),
  next_exits_suggested: gauge(
    ['module', 'operator'],
    'Validators in the first 10 % of those: the protocol suggests to have them signed',
  ),
  next_exits_signed: gauge(
    ['module', 'operator'],
    'How many of the suggested validators have a message',
  ),
  dry_run: gauge([], 'Whether submissions are only rehearsed: 1 or 0'),
  trust_mode: gauge([], 'Whether requests are believed without proof: 1 or 0'),
}

type Table = typeof metricTable
export type MetricName = keyof Table
export type GaugeName = {
  [Name in MetricName]: Table[Name]['type'] extends 'gauge' ? Name : never
}[MetricName]
