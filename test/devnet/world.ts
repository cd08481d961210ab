import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { type Beacon, createBeacon } from './beacon.ts'
import { compileContracts } from './chain.ts'
import { startEthereumjs } from './ethereumjs.ts'
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
export const ETHEREUMJS_HOME = join(ROOT, 'test/devnet/ethereumjs')
export const DAEMON_MAIN = join(ROOT, 'dist/main.js')
export const CLI_MAIN = join(ROOT, 'dist/cli/main.js')

/** An exit needs a block; a block needs genesis to be over. */
const FIRST_BLOCK_DEADLINE_MS = 60_000

export type World = Awaited<ReturnType<typeof createWorld>>

/** An execution client behind a consensus client, the protocol on it, and a recorder before the latter. */
export async function createWorld(stage: Stage, validatorCount: number, signal: AbortSignal) {
  const execution = await startEthereumjs(stage, ETHEREUMJS_HOME, signal)
  const beaconUrl = await startLodestar(stage, LODESTAR_HOME, execution, validatorCount, signal)
  const beacon: Beacon = createBeacon(beaconUrl, validatorCount)
  const network = await beacon.network()
  const recorder = await startRecorder(beaconUrl)
  await until('first block of the beacon chain', FIRST_BLOCK_DEADLINE_MS, signal, async () =>
    assert.ok((await beacon.headSlot()) > 0),
  )
  const factories = compileContracts(join(ROOT, 'test/devnet/contracts'))
  const protocol = await deployProtocol(execution.chain, factories, REGISTERED)
  return { beacon, network, executionUrl: execution.url, protocol, recorder }
}
