import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../../src/lib/primitives.ts'
import { createAsks, OURS } from './asks.ts'
import { createBrakeCheck } from './brake.ts'
import { createMessages } from './messages.ts'
import { createNetwork } from './network.ts'
import { expectOverdue } from './overdue.ts'
import { createRandom } from './random.ts'
import type { Tally } from './tally.ts'
import { createTroubles } from './troubles.ts'
import { createWatch } from './watch.ts'

const CLOCK_AHEAD_MS = 30 * 24 * 3_600_000

export type Mode = 'pool' | 'webhook'

/** Drawn anew in each episode. */
const PROOFS = ['oracle', 'finality', 'either', 'both'] as const
export type Proof = (typeof PROOFS)[number]

export type StageOptions = {
  readonly seed: number
  readonly mode: Mode
  /** Whether calls that never end are among the faults. */
  readonly slow: boolean
  readonly tally: Tally
  /** Unix ms. */
  readonly start: number
}

/** The world of one episode: both chains, their nodes, the messages, and who is asked for. */
export async function createStage({ seed, mode, slow, tally, start }: StageOptions) {
  const random = createRandom(seed)
  const network = await createNetwork(random, start / 1_000)
  const home = mkdtempSync(join(tmpdir(), 'ejector-soak-'))
  const folder = join(home, 'messages')
  const holdFile = join(home, 'hold')
  mkdirSync(folder)
  const proof = random.pick(PROOFS)
  tally.count(`episodes with PROOF=${proof}`)
  const asks = createAsks(network, random, tally, proof)
  const messages = createMessages(folder, network, random, tally)
  const troubles = createTroubles(network, random, tally, { slow, webhook: mode === 'webhook' })
  const stateFile = join(home, 'journal.sqlite')
  const brake = createBrakeCheck(seed, slow, {
    file: stateFile,
    identity: { chainId: network.chain.chainId, locator: network.chain.locator as Address },
  })
  const watch = createWatch({ network, asks, messages, mode, tally, isTimed: slow, brake })
  messages.begin()
  troubles.begin()
  const settings = {
    // Now and then the whole episode lies in the look-back.
    BLOCKS_PRELOAD: random.pick(['600', '6000']),
    ORACLE_QUORUM: random.pick(['1', '2']),
    ...brake.env,
    PROOF: proof,
    EXIT_BUS_ADDRESS: network.chain.exitBus,
  }
  let step = 0
  let heldUntil = 0
  let clockAheadUntil = 0

  function disturbChain(): void {
    const { beacon } = network
    if (random.chance(0.03)) {
      const gone = network.unfinalizedExits().filter(() => random.chance(0.5))
      if (gone.length > 0) {
        beacon.reorgOutExits(gone)
        tally.count('exits reorganised out', gone.length)
      }
    }
    const { pendingPartialWithdrawals: pending } = beacon
    if (random.chance(0.02)) pending.push({ validatorIndex: random.int(160) })
    if (random.chance(0.04)) pending.splice(0)
  }

  function hold(): void {
    if (step === heldUntil) rmSync(holdFile, { force: true })
    if (heldUntil >= step || !random.chance(0.004)) return
    heldUntil = step + 1 + random.int(6)
    writeFileSync(holdFile, '')
    tally.count('held')
  }

  function setClockAhead(): void {
    if (clockAheadUntil >= step || !random.chance(0.004)) return
    clockAheadUntil = step + 1 + random.int(10)
    tally.count('daemon: clock 30 days ahead')
  }

  const isClockAhead = () => slow && step < clockAheadUntil

  return {
    random,
    network,
    watch,
    home,
    troubles,
    brake,
    step: () => step,
    /** Milliseconds by which the daemon's clock is ahead of everybody else's. */
    clockAhead: () => (isClockAhead() ? CLOCK_AHEAD_MS : 0),
    expectOverdue: (metrics: string, now: number) =>
      expectOverdue(metrics, { asks, messages, mode }, now),
    isAllFinal: asks.isAllFinal,

    /**
     * Something happens, or nothing, and time goes by.
     *
     * @param now - unix ms
     * @param isRunning - the daemon is there to do something about it
     */
    async disturb(now: number, isRunning = true): Promise<void> {
      step += 1
      network.advanceTo(now / 1_000)
      await network.seal()
      disturbChain()
      asks.step(step, now, troubles.isLiarAlone(step))
      messages.step(step)
      hold()
      if (slow) setClockAhead()
      await troubles.step(step)
      const isWell = troubles.isSound() && heldUntil < step && !isClockAhead()
      watch.look(step, now, isRunning && isWell)
    },

    /** From here on everything is well; only time goes by. */
    async calm(): Promise<void> {
      await troubles.end()
      messages.end()
      clockAheadUntil = 0
      network.beacon.pendingPartialWithdrawals.splice(0)
      rmSync(holdFile, { force: true })
    },

    async wait(now: number): Promise<void> {
      step += 1
      network.advanceTo(now / 1_000)
      await network.seal()
      asks.finalize(step, now)
      watch.look(step, now, true)
    },

    env: (): NodeJS.ProcessEnv => ({
      EXECUTION_NODE: network.executionNodes.map(({ url }) => url).join(),
      CONSENSUS_NODE: network.beaconNodes.map(({ url }) => url).join(),
      LOCATOR_ADDRESS: network.chain.locator,
      EJECTOR_SCOPE: JSON.stringify({ [OURS.moduleId]: [OURS.operatorId] }),
      ...(mode === 'pool'
        ? { MESSAGES_LOCATION: folder }
        : { VALIDATOR_EXIT_WEBHOOK: network.receiver.url, WEBHOOK_ABORT_TIMEOUT_MS: '200' }),
      ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(network.chain.signerAddresses()),
      ...settings,
      STATE_FILE: stateFile,
      HOLD_FILE: holdFile,
      FINALITY_EVENTS: 'false',
      HTTP_PORT: 'false',
      LOGGER_FORMAT: 'json',
    }),

    async close(): Promise<void> {
      await network.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
export type Stage = Awaited<ReturnType<typeof createStage>>
