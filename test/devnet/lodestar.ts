import { join } from 'node:path'
import { freePorts, request } from './http.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

const BOOT_DEADLINE_MS = 60_000
/** Long enough for a slow machine to be up before the first slot, in seconds. */
const GENESIS_DELAY = 10

/**
 * Starts a beacon node with its own validators, alone in its network, in the Capella fork.
 *
 * @returns the URL of its REST API, once that answers
 */
export async function startLodestar(
  stage: Stage,
  home: string,
  validators: number,
  signal: AbortSignal,
): Promise<string> {
  const [rest, p2p] = await freePorts(2)
  const url = `http://127.0.0.1:${rest}`
  const flags: Record<string, string | number | boolean> = {
    genesisValidators: validators,
    startValidators: `0..${validators - 1}`,
    genesisTime: Math.floor(Date.now() / 1000) + GENESIS_DELAY,
    reset: true,
    dataDir: join(stage.folder, 'lodestar'),
    server: url,
    beaconNodes: url,
    rest: true,
    'rest.address': '127.0.0.1',
    'rest.port': Number(rest),
    'rest.namespace': '*',
    listenAddress: '127.0.0.1',
    port: Number(p2p),
    discv5: false,
    eth1: false,
    'execution.engineMock': true,
    'sync.isSingleNode': true,
    'network.allowPublishToZeroPeers': true,
    'params.SECONDS_PER_SLOT': 2,
    'params.ALTAIR_FORK_EPOCH': 0,
    'params.BELLATRIX_FORK_EPOCH': 0,
    'params.CAPELLA_FORK_EPOCH': 0,
    'params.TERMINAL_TOTAL_DIFFICULTY': 0,
    // A validator may exit from its first epoch on, instead of 27 hours later.
    'params.SHARD_COMMITTEE_PERIOD': 0,
    'params.MIN_VALIDATOR_WITHDRAWABILITY_DELAY': 1,
  }
  const main = join(home, 'node_modules/@chainsafe/lodestar/lib/index.js')
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  stage.launch('lodestar', process.execPath, [main, 'dev', ...args], {
    cwd: stage.folder,
    env: {
      // What it might want to keep beside its data stays in our folder, too.
      HOME: stage.folder,
      LODESTAR_PRESET: 'minimal',
      NODE_OPTIONS: `--require=${join(home, 'polyfill.cjs')}`,
      // bcrypto: do without the native part, which only an install script would build.
      NODE_BACKEND: 'js',
    },
  })
  await until('lodestar answers', BOOT_DEADLINE_MS, signal, () =>
    request(`${url}/eth/v1/node/syncing`),
  )
  return url
}
