import { expect } from 'vitest'
import type { RawLog, SimExitRequest } from '../sim/abi.ts'
import { createMember } from '../sim/contracts.ts'
import type { SimLog, SimTransaction } from '../sim/ledger.ts'
import { until } from './until.ts'
import { createWorld, cycles, type RunningApp } from './world.ts'

/** A lie about these validators, and what it must come to. */
export type Lie = {
  /** Asked for by nobody: never exited, whatever the node says. */
  readonly forged?: readonly number[]
  /** Really asked for, but the liar spoils the proof: exited as soon as someone tells the truth. */
  readonly hidden?: readonly number[]
  /** Reason code in the log; `besides` where an honest node makes it another one. */
  readonly reason?: string
  readonly besides?: string
  /** Part of the line that says what was dropped: then there is no request to judge at all. */
  readonly dropped?: string
  /** How many requests count as an error; those that have a reason by default. */
  readonly errors?: number
}
/** [what it is, how it is told] */
export type LieCase = readonly [name: string, tell: (scene: Scene) => Lie]

export type Company = 'alone' | 'beside an honest node'
export const COMPANIES: readonly Company[] = ['alone', 'beside an honest node']

type Prepare = (scene: Scene) => NodeJS.ProcessEnv

/**
 * One chain, a node that lies about it, and maybe an honest one behind it in the list. What is
 * made in `forge` does not exist for the honest node.
 */
export async function createScene(company: Company, prepare: Prepare = () => ({})) {
  const world = await createWorld({
    beacon: { validators: 120 },
    executionNodes: company === 'alone' ? [{}] : [{}, {}],
  })
  const { chain } = world
  const liar = world.execution
  const honest = world.executionNodes[1]
  const forgedBlocks = new Set<number>()
  const forgedLogs = new Set<string>()
  let used = 0

  type NodeLog = { blockNumber: string; logIndex: string }
  honest?.onResult('eth_getLogs', (logs: NodeLog[]) =>
    logs.filter(
      ({ blockNumber, logIndex }) =>
        !forgedBlocks.has(Number(blockNumber)) &&
        !forgedLogs.has(`${Number(blockNumber)}:${Number(logIndex)}`),
    ),
  )
  honest?.onResult('eth_getTransactionByHash', (found: { blockNumber: string } | null) =>
    found !== null && forgedBlocks.has(Number(found.blockNumber)) ? null : found,
  )

  const scene = {
    world,
    chain,
    liar,
    honest,
    /** Nobody's oracle, and enough of them for a quorum. */
    thieves: [createMember('thief'), createMember('thief 2')],
    /** A validator that no other test of this scene uses. */
    validator(): number {
      used += 1
      world.writeMessage(used)
      return used
    },
    request: (index: number, more: Partial<SimExitRequest> = {}) => world.requestOf(index, more),
    /** Whole blocks that only the liar has. */
    forge<T>(work: () => T): T {
      const before = chain.head
      const made = work()
      for (let block = before + 1; block <= chain.head; block += 1) forgedBlocks.add(block)
      return made
    },
    /** A log that only the liar has, said to come from some transaction. */
    forgeLog(log: RawLog, from: SimTransaction, extra: Partial<SimLog> = {}): SimLog {
      const forged = chain.addLog(log, from, extra)
      forgedLogs.add(`${forged.blockNumber}:${forged.logIndex}`)
      return forged
    },
    posts: (index: number): number =>
      world.beaconNodes.flatMap((node) =>
        node
          .postedExits()
          .map((exit) => exit as { message: { validator_index: string } })
          .filter(({ message }) => message.validator_index === `${index}`),
      ).length,
    app: undefined as unknown as RunningApp,
    company,
    close: () => world.close(),
  }
  scene.app = await world.start({ JOB_INTERVAL: '25', ...prepare(scene) })
  return scene
}

export type Scene = Awaited<ReturnType<typeof createScene>>

/** The reasons that the daemon gave for not believing in requests of this validator. */
export const reasonsFor = (app: RunningApp, index: number): unknown[] =>
  app.said('not proven').flatMap(({ details }) => {
    return details?.validator === index ? [details.reason] : []
  })

const errorsOf = async ({ app }: Scene) =>
  (await app.metric('event_security_verification', { result: 'error' })) ?? 0

/**
 * Tells the lie, then asks for a validator that nothing is wrong with. Once that one was sent, and
 * some whole cycles are over, whatever else there is to send has been sent.
 */
export async function expectNoHarm(scene: Scene, tell: (scene: Scene) => Lie): Promise<void> {
  const { app, liar, posts, company } = scene
  const errorsBefore = await errorsOf(scene)
  const { forged = [], hidden = [], ...told } = tell(scene)
  const genuine = scene.validator()
  scene.world.ask(scene.request(genuine))
  await until('the genuine request is served', () => posts(genuine) > 0)

  const isAlone = company === 'alone'
  const reason = isAlone ? told.reason : (told.besides ?? told.reason)
  const judged = isAlone ? [...forged, ...hidden] : forged
  if (told.dropped !== undefined) {
    const dropped = told.dropped
    await until('it is said', () => app.said(dropped).length > 0)
  } else if (reason !== undefined) {
    for (const index of judged) {
      await until(`the lie about ${index} is told`, () => reasonsFor(app, index).length > 0)
      expect(reasonsFor(app, index)).toEqual([reason])
    }
  }
  if (!isAlone) {
    for (const index of hidden) {
      await until(`${index} is served with the honest node's help`, () => posts(index) > 0)
    }
  }
  await cycles(app, 3)

  for (const index of judged) expect.soft(posts(index), `posts of ${index}`).toBe(0)
  const errors = told.errors ?? (reason === undefined ? 0 : judged.length)
  expect((await errorsOf(scene)) - errorsBefore).toBe(errors)
  liar.tellTruth()
  scene.world.beacon.advance()
  scene.world.beacon.finalize()
}
