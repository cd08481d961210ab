import {
  act,
  counted,
  deadline,
  delayedOfOthers,
  drifted,
  HOUR_S,
  isAccepted,
  isLoading,
  isRejected,
  late,
  longUnproven,
  look,
  messagesBelow,
  nodesWhere,
  noUsableNode,
  operatorsOverdue,
  plain,
  type Rule,
  runways,
  saying,
  secondsSince,
  sum,
  unprovenThat,
  when,
} from './conditions.ts'

const STORY = 'Open it below: its story says what holds it up.'

/**
 * What there is to look at or to do, the weightiest of each level first, under the conditions of the
 * alerts. The page says at once what an alert says after its time; where a condition holds on any
 * healthy day for a while, that while is here too.
 */
export const rules: readonly Rule[] = [
  act(
    'requests',
    'ExitOverdue',
    counted(late('delinquent'), saying('past the deadline', 'exit is', 'exits are')),
    STORY,
  ),
  act(
    'requests',
    'RequestWithoutMessage',
    counted(
      sum(({ withoutMessage }) => withoutMessage),
      saying('no message', 'requested exit has', 'requested exits have'),
    ),
    'Sign its message, and put it into the messages location: it is used at the next cycle.',
  ),
  act(
    'requests',
    'Deadline4Hours',
    deadline(
      (left) => left <= 4 * HOUR_S,
      (left) => `An exit is due: ${left}`,
    ),
    STORY,
  ),
  act(
    'requests',
    'Deadline24Hours',
    deadline(
      (left) => left <= 24 * HOUR_S,
      (left) => `An exit is due in ${left}`,
    ),
    STORY,
  ),
  act(
    'requests',
    'GenuineRequestUnproven',
    counted(
      unprovenThat('finalized'),
      saying('genuine, and not proven', 'request is', 'requests are'),
    ),
    'Your consensus nodes confirm it: the allowlist is out of date, as a rule.',
  ),
  act(
    'requests',
    'RequestUnproven',
    counted(longUnproven, saying('not proven, for half an hour', 'request is', 'requests are')),
    'Either a node invents it, or your allowlist is out of date: its reason is below.',
  ),
  act(
    'requests',
    'ExitsNotAccepted',
    when((status) => !isAccepted(status), 'No node accepts the exits'),
    'The stories below quote what the nodes say.',
  ),
  act(
    'requests',
    'ExitsRateLimited',
    counted(
      ({ requests }) => requests?.rateLimited.late,
      saying('deadline because of MAX_EXITS_PER_HOUR', 'exit misses its', 'exits miss their'),
    ),
    'Set MAX_EXITS_PER_HOUR higher, and restart.',
  ),
  act(
    'nodes',
    'NoUsableNode',
    noUsableNode,
    'Look at the nodes: without one no request is seen, or no exit sent.',
  ),
  act(
    'daemon',
    'NoGoodCycle',
    counted(
      (status) => secondsSince(status, status.cycles.lastGoodAt ?? status.startedAt),
      (seconds) => `There has been no good cycle for ${plain(seconds)}`,
      HOUR_S,
    ),
    'What fails is listed under Daemon.',
  ),
  act(
    'nodes',
    'FinalityStale',
    counted(
      (status) => secondsSince(status, status.reading?.finalizedAt),
      (seconds) => `The newest finalized block is ${plain(seconds)} old`,
      HOUR_S,
    ),
    'Either the execution nodes stand still, or the chain does not finalize.',
  ),
  act(
    'nodes',
    'BlocksUnread',
    counted(
      ({ reading }) => reading?.unreadBlocks,
      saying('cannot be read: requests in them are not seen', 'block'),
    ),
    'Add an execution node that has them, or set BLOCKS_PRELOAD lower.',
  ),
  act(
    'messages',
    'NoMessages',
    when(({ messages }) => messages?.left.total === 0, 'There is no unused message'),
    'Sign more now: whatever is requested next cannot be done.',
  ),
  act(
    'messages',
    'MessagesBelow15Percent',
    messagesBelow(15),
    'Sign more now: the next requests may find none.',
  ),
  act(
    'next',
    'NextExitNotSigned',
    when(
      (status) => runways(status).some(({ runway }) => runway === 0),
      'The validator that will be requested next has no message',
    ),
    'Sign the next ones now: they are listed below.',
  ),
  act(
    'daemon',
    'TrustMode',
    when(({ mode }) => mode.trustMode, 'TRUST_MODE is on: requests are believed without proof'),
    'Set ORACLE_ADDRESSES_ALLOWLIST, and remove TRUST_MODE.',
  ),
  act(
    'operators',
    'ManyExitsDelayed',
    counted(delayedOfOthers, saying('delayed, of all operators', 'exit is', 'exits are'), 19),
    'Either many operators have the same problem, or the consensus nodes are behind.',
  ),
  look('operators', 'OperatorOverdue', operatorsOverdue),
  look(
    'requests',
    'RequestInvented',
    counted(unprovenThat('invented'), saying('invented by a node', 'request is', 'requests are')),
  ),
  look(
    'requests',
    'VerificationErrors',
    counted(
      ({ requests }) => requests?.unproven.rows.filter(isRejected).length,
      saying('not proven', 'request is', 'requests are'),
    ),
  ),
  look(
    'requests',
    'ExitDelayed',
    counted(late('delayed'), saying('more than 24 hours', 'exit takes', 'exits take')),
  ),
  look(
    'requests',
    'DeadlineHalfGone',
    deadline(
      (left, age) => left <= age,
      (left) => `Half of the time for an exit is gone: ${left} remaining`,
    ),
  ),
  look(
    'requests',
    'ExitsHeld',
    counted(
      ({ requests }) => requests?.held,
      saying('held back by HOLD_FILE', 'due exit is', 'due exits are'),
    ),
  ),
  look(
    'nodes',
    'NodeDown',
    nodesWhere(({ up }) => !up, 'No answer from'),
  ),
  look(
    'nodes',
    'NodeUnsynced',
    nodesWhere(({ up, synced }) => up && !synced, 'Not following the chain:'),
  ),
  look(
    'daemon',
    'CyclesFail',
    counted(
      ({ cycles }) => cycles.failedWithinHour,
      (count) => `${count} cycles failed within an hour`,
      2,
    ),
  ),
  look(
    'daemon',
    'JournalDegraded',
    when(({ journal }) => journal?.degraded, 'STATE_FILE cannot be written'),
  ),
  look('daemon', 'ProtocolVersionUnknown', ({ reading }) => reading?.versionProblem ?? undefined),
  look('messages', 'MessagesBelow30Percent', messagesBelow(30)),
  look(
    'next',
    'RunwayShort',
    when(
      (status) => runways(status).some(({ runway, suggested }) => runway < suggested / 2),
      'Less than half of the suggested messages are there',
    ),
  ),
  look(
    'messages',
    'MessagesNotLoaded',
    when(
      (status) => isLoading(status) && (secondsSince(status, status.startedAt) ?? 0) > HOUR_S,
      'The messages have not been loaded within an hour',
    ),
  ),
  look(
    'messages',
    'InvalidMessages',
    counted(
      ({ messages }) => messages?.refused.total,
      saying('rejected', 'file or entry is', 'files or entries are'),
    ),
  ),
  look(
    'oracle',
    'AllowlistMissing',
    drifted('missing', saying('of the oracle missing in the allowlist', 'signer')),
  ),
  look(
    'oracle',
    'OracleKeyAnnounced',
    drifted('announced', saying('of the oracle missing in the allowlist', 'announced key')),
  ),
  look(
    'oracle',
    'AllowlistStale',
    drifted('stale', saying('in the allowlist no longer of the oracle', 'address', 'addresses')),
  ),
  look(
    'oracle',
    'OracleSeatVacant',
    drifted('vacant', saying('of the oracle without a signer', 'member')),
  ),
  look(
    'daemon',
    'OnHold',
    when(({ mode }) => mode.onHold, 'HOLD_FILE exists: nothing is submitted'),
  ),
  look(
    'daemon',
    'DryRun',
    when(({ mode }) => mode.dryRun, 'DRY_RUN is on: nothing is submitted'),
  ),
  // Who has just started does not know yet whether all is well.
  look(
    'daemon',
    undefined,
    when(
      ({ requests, lastCycle }) => requests === undefined || lastCycle === null,
      'The daemon starts: its first cycle has not ended, so nothing is known yet',
    ),
  ),
  look('messages', undefined, when(isLoading, 'The messages are still loading')),
]
