import { join } from 'node:path'
import { freePorts, request } from './http.ts'
import type { Edit } from './install-client.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

const BOOT_DEADLINE_MS = 60_000
/** Long enough for a slow machine to be up before the first slot, in seconds. */
const GENESIS_DELAY = 30
/** Seconds. With 2 a busy machine loses every second attestation, and nothing finalizes. */
const SLOT = 3

/** Lodestar 1.5.1 as published does not run alone on Node 20 with the libraries of today. */
export const LODESTAR_EDITS: readonly Edit[] = [
  {
    // Nobody is to be listened to, and its TCP transport no longer fits its libp2p.
    file: '@lodestar/beacon-node/lib/network/nodejs/bundle.js',
    from: 'listen: options.addresses.listen,',
    to: 'listen: [],',
  },
]

/** The execution client that makes its payloads. */
export type Engine = {
  readonly engine: string
  /** File of the JWT secret. */
  readonly secret: string
  readonly genesisHash: string
}

/**
 * Starts a beacon node with its own validators, alone in its network, in the Capella fork.
 *
 * @returns the URL of its REST API, once that answers
 */
export async function startLodestar(
  stage: Stage,
  home: string,
  execution: Engine,
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
    genesisEth1Hash: execution.genesisHash,
    'execution.urls': execution.engine,
    'jwt-secret': execution.secret,
    'sync.isSingleNode': true,
    'network.allowPublishToZeroPeers': true,
    'params.SECONDS_PER_SLOT': SLOT,
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
