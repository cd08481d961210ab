import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Stage } from '../devnet/stage.ts'
import { until } from '../devnet/until.ts'
import { CAST_SIZE, indexOf, type RoleName, summarize } from './cast.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { environmentOf } from './environment.ts'
import { type Messages, prepareMessages, runCommand } from './messages.ts'
import type { Screen } from './screen.ts'
import { stayUp } from './stay.ts'
import { createWorld, type World } from './world.ts'

const STEP_DEADLINE_MS = 30_000
/** Of the first tenth at the end of the story, those whose message is broken or not there. */
const UNSIGNED = [indexOf('otherPassword'), indexOf('cut'), CAST_SIZE]

type Scene = {
  readonly world: World
  readonly daemon: Daemon
  readonly screen: Screen
  readonly signal: AbortSignal
}

export type StoryOptions = {
  /** Stay up at the end, until the signal fires or somebody quits. */
  readonly keep: boolean
  /** Do without anvil. */
  readonly simulator: boolean
}

/**
 * Some hours of a daemon's life in a quarter of a minute.
 *
 * @returns whether exactly those left who should have
 * @throws when something does not happen in time, and the signal's reason
 */
export async function playStory(
  stage: Stage,
  screen: Screen,
  { keep, simulator }: StoryOptions,
  signal: AbortSignal,
): Promise<boolean> {
  screen.heading(
    `A network for the demo: ${CAST_SIZE} validators, two nodes of each layer, an oracle`,
  )
  const world = await createWorld(stage, simulator, signal)
  screen.say(`  execution chain: ${world.oracle.name}`)
  screen.say('  consensus chain: our simulator, with an epoch of 2 s')
  screen.say(
    '  The operator believes every member of the oracle but one, and wants two signatures.',
  )

  screen.heading('The operator encrypts two of the exit messages: npm run encrypt')
  const messages = await prepareMessages(stage, world.beacon, screen)

  screen.heading(
    `The daemon starts. The oracle has requested validators ${list('plain', 'listed')},`,
    `and ${list('otherOperator')} of another operator. Some messages are broken.`,
  )
  const { record } = world
  await world.oracle.report(record('plain'), record('listed'), record('otherOperator'))
  const start = (more?: Readonly<Record<string, string>>) =>
    startDaemon(stage, world, messages.folder, screen, signal, more)
  let daemon = await start()
  const scene: Scene = { world, daemon, screen, signal }
  await expectLeft(scene, 'plain', 'listed')
  screen.heading('Look into it while it runs:', ...(await daemon.pages()))

  await daemon.expectRunway(2)
  screen.heading(
    'The oracle asks in the order of indices: messages are there for the next 2 requests,',
    `and validator ${list('late')} is the first one that lacks one. That is the runway.`,
  )
  await reportWhileItRuns(scene)
  await daemon.expectRunway(1)
  screen.say('  The runway has sunk to 1.')
  await messageComesLater(scene, messages.add)
  await nodeFails(scene)
  await nobodyIsFooled(scene)
  await signMore(stage, scene, messages)
  screen.heading(
    'The operator lets the consensus nodes prove requests too, PROOF=either:',
    `the request for ${list('rotated')} is in a finalized block, and that of the liar in none`,
  )
  await daemon.stop()
  await world.seal()
  daemon = await start({ PROOF: 'either' })
  await expectLeft(scene, 'rotated')

  // Whatever is still under way has time to go wrong.
  await daemon.letCyclesPass(3)
  const { table, asExpected } = summarize(world.beacon.exitedIndices(), world.sent())
  screen.heading('What became of them, by the registry of the chain')
  screen.say(table)
  if (keep) await stayUp({ ...scene, daemon, stage, messages })

  screen.heading('The daemon is asked to stop: SIGTERM')
  await daemon.stop()
  await world.close()
  return asExpected
}

async function reportWhileItRuns(scene: Scene): Promise<void> {
  const { world, screen } = scene
  screen.heading(
    `A report while it runs: validator ${list('encrypted')}, whose message is encrypted,`,
    `and ${list('wrongSignature')}, whose message is signed by another key`,
  )
  await world.oracle.report(world.record('encrypted'), world.record('wrongSignature'))
  await expectLeft(scene, 'encrypted')
  await expectFailures(scene, 1)
}

async function messageComesLater(scene: Scene, add: (name: RoleName) => void): Promise<void> {
  const { world, screen } = scene
  screen.heading(`A request for validator ${list('late')}, whose message nobody has put there`)
  await world.oracle.report(world.record('late'))
  await expectFailures(scene, 2)
  screen.heading('The operator copies the message into the folder')
  add('late')
  await expectLeft(scene, 'late')
}

async function nodeFails(scene: Scene): Promise<void> {
  const { world, screen, signal } = scene
  const [node] = world.nodes
  screen.heading(`A consensus node fails, and validator ${list('nodeFails')} is requested`)
  await node.refuse()
  await world.oracle.report(world.record('nodeFails'))
  await expectLeft(scene, 'nodeFails')
  screen.heading('The node comes back')
  const before = node.calls.length
  await node.revive()
  await until('the node is used again', STEP_DEADLINE_MS, signal, async () =>
    assert.ok(node.calls.length > before),
  )
}

async function nobodyIsFooled(scene: Scene): Promise<void> {
  const { world, screen, daemon, signal } = scene
  screen.heading(
    `An execution node lies: it invents a request for validator ${list('forged')}.`,
    `And a member of the oracle has a new key: of a report for ${list('rotated')}, the list knows one`,
    'signature, where two are needed',
  )
  world.liar.forge(world.record('forged'))
  await world.oracle.reportWithUntrusted(world.record('rotated'))
  await until('both are found out', STEP_DEADLINE_MS, signal, async () =>
    assert.equal(await daemon.metric('event_security_verification', 'result="error"'), 2),
  )
}

async function signMore(stage: Stage, scene: Scene, messages: Messages): Promise<void> {
  const { world, screen, daemon } = scene
  const env = environmentOf(world, messages.folder, 0, join(stage.folder, 'state.sqlite'))
  await daemon.expectRunway(3)
  screen.heading('Which validators will be requested next, and which of them lack a message: next')
  await runCommand(stage, screen, ['next'], env)
  screen.heading('The operator signs what is missing of these, where the keys are: sign --missing')
  const { keys, password } = await messages.keystores(UNSIGNED)
  const signer = ['--signer', keys, '--keystore-password-file', password]
  await runCommand(stage, screen, ['sign', ...signer, '--missing', messages.folder], env)
  await daemon.expectRunway(6)
  screen.say('  The runway is 6 now.')
}

const list = (...names: readonly RoleName[]) => names.map(indexOf).join(' and ')

const expectLeft = ({ world, signal }: Scene, ...names: readonly RoleName[]) =>
  until(`validators ${list(...names)} leave`, STEP_DEADLINE_MS, signal, async () => {
    const left = world.beacon.exitedIndices()
    for (const name of names) assert.ok(left.includes(indexOf(name)))
  })

/** Requests that it could not serve at first, each counted once. */
const expectFailures = ({ daemon, signal }: Scene, count: number) =>
  until('the daemon misses a message', STEP_DEADLINE_MS, signal, async () =>
    assert.equal(await daemon.metric('exit_actions', 'result="error"'), count),
  )
