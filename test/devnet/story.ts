import assert from 'node:assert/strict'
import { type Daemon, errorLines } from './daemon.ts'
import { encryptExit } from './exit-messages.ts'
import {
  ANOTHER_OPERATOR,
  createScene,
  OURS_IN_MODULE_1,
  OURS_IN_MODULE_2,
  PASSWORD,
  type Scene,
} from './scene.ts'
import type { Stage } from './stage.ts'
import { createWorld, type World } from './world.ts'

/** The cast: one validator for each thing that may happen to one. Values are registry indices. */
const ROLE = {
  requestedThroughMember: 0,
  requestedDirectly: 1,
  requestedOfAnotherOperator: 2,
  messageComesLater: 3,
  requestedPastTheOracle: 4,
  requestedByAStranger: 5,
  requestedByTooFewWeTrust: 6,
  neverRequested: 7,
  exitedByHand: 8,
  preparedAhead: 9,
} as const
const MESSAGE_COUNT = Object.keys(ROLE).length
/** The chain has to finalize without those who leave. */
const VALIDATOR_COUNT = 2 * MESSAGE_COUNT

const EXITED_BY_DAEMON = [
  ROLE.requestedThroughMember,
  ROLE.requestedDirectly,
  ROLE.messageComesLater,
  ROLE.requestedPastTheOracle,
  ROLE.preparedAhead,
]
/** Events of the exit bus, which the trusted members did not sign. */
const EXITED_BY_FINALITY = [ROLE.requestedByAStranger, ROLE.requestedByTooFewWeTrust]
/** All of them have a message that nobody may use. */
const MUST_STAY = [ROLE.requestedOfAnotherOperator, ROLE.neverRequested]

export type Tell = (what: string) => void

/** From the first request to the last check: a daemon's life with everything it may meet. */
export async function playStory(stage: Stage, signal: AbortSignal, tell: Tell): Promise<void> {
  const world = await createWorld(stage, VALIDATOR_COUNT, signal)
  tell('both nodes and the protocol are up')
  const scene = await createScene(stage, world, signal)

  await exitByHand(world, scene)
  tell('the client takes a message that we hand it ourselves')

  const allowed = await prepareFirstRequests(world, scene)
  const { requestedThroughMember, requestedPastTheOracle } = ROLE
  const ready = { [requestedThroughMember]: 'ready', [requestedPastTheOracle]: 'ready' }
  await scene.expectCheck(allowed, ready)
  assert.deepEqual(world.recorder.submitted(), [])
  tell('check says that a daemon would send them, and sends nothing')

  const first = await scene.startDaemon('daemon', allowed)
  tell('the daemon is ready')
  await scene.expectExiting(ROLE.requestedThroughMember, ROLE.requestedPastTheOracle)
  tell('exits that were asked for before it started are under way')

  await requestWhileItRuns(world, scene, first)
  tell('an exit that was asked for while it runs is under way, by a message that came later, too')

  await prepareAhead(world, scene, allowed)
  tell('what next named, sign signed, and it was used')

  await first.letCyclesPass(2)
  await scene.expectUntouched([...MUST_STAY, ...EXITED_BY_FINALITY])
  assert.deepEqual(new Set(world.recorder.submitted()), new Set(EXITED_BY_DAEMON))
  tell('nothing else was sent')

  await checkMetrics(scene, first)
  tell('metrics and health say so, and that what is not proven is genuine')

  await first.stop()
  tell('SIGTERM ended it with exit code 0')

  const sentBefore = world.recorder.submitted().length
  const second = await scene.startDaemon('daemon, proof by finality', allowed, {
    PROOF: 'finality',
    ORACLE_ADDRESSES_ALLOWLIST: '',
  })
  await scene.expectExiting(...EXITED_BY_FINALITY)
  tell('the consensus client proves what the allowlist did not')
  const sent = new Set(world.recorder.submitted().slice(sentBefore))
  assert.deepEqual(sent, new Set(EXITED_BY_FINALITY), 'an exit was sent again after a restart')
  const requests = EXITED_BY_DAEMON.length + EXITED_BY_FINALITY.length
  const verified = 'event_security_verification'
  await scene.expectMetric(second, verified, { result: 'success' }, requests)
  await second.letCyclesPass(2)
  assert.deepEqual(errorLines(second.output()), [])
  await second.stop()

  const gone = (index: number) => [index, 'exiting'] as const
  const all = [...EXITED_BY_DAEMON, ...EXITED_BY_FINALITY]
  await scene.expectCheck(allowed, Object.fromEntries(all.map(gone)), { PROOF: 'either' })
  tell('check says that they exit')

  await scene.expectWatch(allowed, {
    '1:10': { open: 0, done: 4 },
    '1:20': { open: 1, done: 0 },
    '2:20': { open: 0, done: 3 },
  })
  tell('watch, which was told of no operator, sees three, and who has not left')

  await scene.expectUntouched(MUST_STAY)
  scene.expectNoSignatureIn(first.output() + second.output())
  tell('whoever was not asked for still validates, and no signature is in the log')
}

/** Shows that our messages are good, whatever the daemon makes of them. */
async function exitByHand({ beacon }: World, scene: Scene): Promise<void> {
  const message = scene.sign(ROLE.exitedByHand)
  scene.putMessage('by-hand.json', JSON.stringify(message))
  await beacon.submitExit(message)
  await scene.expectExiting(ROLE.exitedByHand)
}

/**
 * Messages in one file each, several in one, and encrypted; requests of an oracle report and past
 * the oracle.
 *
 * @returns the hash of the transaction that asked past the oracle
 */
async function prepareFirstRequests({ protocol }: World, scene: Scene): Promise<string> {
  const several = [...MUST_STAY, ...EXITED_BY_FINALITY, ROLE.requestedPastTheOracle].map(scene.sign)
  scene.putMessage('one.json', JSON.stringify(scene.sign(ROLE.requestedThroughMember)))
  scene.putMessage('several.json', JSON.stringify(several))
  const encrypted = await encryptExit(scene.sign(ROLE.requestedDirectly), PASSWORD)
  scene.putMessage('encrypted.json', encrypted)

  const ours = scene.record(OURS_IN_MODULE_1, ROLE.requestedThroughMember)
  const other = scene.record(ANOTHER_OPERATOR, ROLE.requestedOfAnotherOperator)
  await protocol.reportThroughMember([ours, other], 1)
  const past = scene.record(OURS_IN_MODULE_2, ROLE.requestedPastTheOracle)
  const transaction = await protocol.requestWithoutOracle([past], 1)
  await protocol.finalize()
  return transaction
}

/** All in one wait for finality: the message of one comes later, and two no trusted votes prove. */
async function requestWhileItRuns(
  { protocol }: World,
  scene: Scene,
  daemon: Daemon,
): Promise<void> {
  const directly = scene.record(OURS_IN_MODULE_2, ROLE.requestedDirectly)
  const later = scene.record(OURS_IN_MODULE_1, ROLE.messageComesLater)
  await protocol.reportDirectly([later, directly], 2)
  const byStranger = scene.record(OURS_IN_MODULE_1, ROLE.requestedByAStranger)
  await protocol.requestWithoutOracle([byStranger], 1)
  const byTooFew = scene.record(OURS_IN_MODULE_1, ROLE.requestedByTooFewWeTrust)
  await protocol.reportWithUntrusted([byTooFew], 1)
  await protocol.finalize()
  await scene.expectExiting(ROLE.requestedDirectly)
  // It has to find out that there is no message.
  await daemon.letCyclesPass(2)
  await scene.signByCommand(ROLE.messageComesLater)
  await scene.expectExiting(ROLE.messageComesLater)
}

/** As operators do: what `next` names is signed, and then requested. */
async function prepareAhead({ protocol }: World, scene: Scene, allowed: string): Promise<void> {
  const record = scene.record(OURS_IN_MODULE_2, ROLE.preparedAhead)
  await protocol.setSigningKeys(record.operatorId, [record.pubkey])
  await protocol.finalize()
  await scene.signNext(record, allowed)
  await protocol.reportThroughMember([record], 2)
  await protocol.finalize()
  await scene.expectExiting(ROLE.preparedAhead)
}

async function checkMetrics(scene: Scene, daemon: Daemon): Promise<void> {
  const left = MUST_STAY.length + EXITED_BY_FINALITY.length
  const percent = (100 * left) / MESSAGE_COUNT
  await scene.expectMetric(daemon, 'exit_actions', { result: 'success' }, EXITED_BY_DAEMON.length)
  const verified = 'event_security_verification'
  await scene.expectMetric(daemon, verified, { result: 'success' }, EXITED_BY_DAEMON.length)
  await scene.expectMetric(daemon, verified, { result: 'error' }, EXITED_BY_FINALITY.length)
  const unproven = 'unproven_requests'
  await scene.expectMetric(daemon, unproven, { finding: 'finalized' }, EXITED_BY_FINALITY.length)
  await scene.expectMetric(daemon, unproven, { finding: 'invented' }, 0)
  await scene.expectMetric(daemon, 'exit_messages', { valid: 'true' }, MESSAGE_COUNT)
  await scene.expectMetric(daemon, 'exit_messages', { valid: 'false' }, 0)
  await scene.expectMetric(daemon, 'exit_messages_left_number', {}, left)
  await scene.expectMetric(daemon, 'exit_messages_left_percent', {}, percent)
  assert.equal(await daemon.status('/health'), 200)
}
