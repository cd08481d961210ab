import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { type Beacon, createBeacon } from './beacon.ts'
import { compileContracts, startAnvil } from './chain.ts'
import { startLodestar } from './lodestar.ts'
import { deployProtocol } from './protocol.ts'
import { startRecorder } from './recorder.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

/** The sources lie in `test/devnet`, what is compiled of them in `.tmp/devnet`. */
const ROOT = resolve(import.meta.dirname, '../..')
/** Of the scene; a scope beyond these does not exist. */
const REGISTERED = { modules: [1, 2], operators: 30 }
export const LODESTAR_HOME = join(ROOT, 'test/devnet/lodestar')
export const DAEMON_MAIN = join(ROOT, 'dist/main.js')
export const CLI_MAIN = join(ROOT, 'dist/cli/main.js')

/** An exit needs a block; a block needs genesis to be over. */
const FIRST_BLOCK_DEADLINE_MS = 60_000

export type World = Awaited<ReturnType<typeof createWorld>>

/** Both nodes, the protocol on one of them, and a recorder before the other. */
export async function createWorld(stage: Stage, validatorCount: number, signal: AbortSignal) {
  const beaconUrl = await startLodestar(stage, LODESTAR_HOME, validatorCount, signal)
  const beacon: Beacon = createBeacon(beaconUrl, validatorCount)
  const network = await beacon.network()
  const { url: executionUrl, chain } = await startAnvil(stage, network.chainId, signal)
  const factories = compileContracts(join(ROOT, 'test/devnet/contracts'))
  const protocol = await deployProtocol(chain, factories, REGISTERED)
  const recorder = await startRecorder(beaconUrl)
  await until('first block of the beacon chain', FIRST_BLOCK_DEADLINE_MS, signal, async () =>
    assert.ok((await beacon.headSlot()) > 0),
  )
  return { beacon, network, executionUrl, protocol, recorder }
}
