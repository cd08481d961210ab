import type { BeaconChain } from './beacon-chain.ts'
import { sha256, toHex } from './beacon-keys.ts'
import type { BeaconNodeSettings } from './beacon-node.ts'
import { postExit } from './beacon-post-exit.ts'
import { resolveState, type StateView } from './beacon-states.ts'
import { validatorRoutes } from './beacon-validators.ts'
import type { Answer, Call } from './faults.ts'
import { json } from './http-server.ts'

/** One request, with what its path named. */
export type Asked = {
  readonly chain: BeaconChain
  readonly settings: BeaconNodeSettings
  readonly call: Call
  readonly id: string
  readonly second: string
}
export type Route = {
  readonly method: string
  readonly path: RegExp
  readonly answer: (asked: Asked) => Answer
}

const VERSIONS = {
  lighthouse: 'Lighthouse/v8.0.0-sim/x86_64-linux',
  teku: 'teku/v25.11.0-sim/linux-x86_64',
  prysm: 'Prysm/v7.0.0-sim (linux amd64)',
  nimbus: 'Nimbus/v25.11.0-sim-stateofus',
  lodestar: 'Lodestar/v1.37.0-sim',
}
const DEPOSIT_CONTRACT = '0x00000000219ab540356cbb839cbe05303d7705fa'

const inState =
  (data: (asked: Asked, view: StateView) => unknown) =>
  (asked: Asked): Answer => {
    const view = resolveState(asked.chain, asked.settings, asked.id)
    if (view === undefined) return json({ code: 404, message: 'NOT_FOUND: state' }, 404)
    return json({ ...view.flags, data: data(asked, view) })
  }

/** The part of a block that names what was executed. */
const blockRoute = (path: RegExp, name: string): Route => ({
  method: 'GET',
  path,
  answer({ chain, settings, id }) {
    const slot = Number(id)
    const payload = chain.payloads.get(slot)
    if (chain.payloads.size === 0) {
      return json({ data: { message: { body: blindedBody(chain, id) } } })
    }
    if (payload === undefined) return json({ code: 404, message: 'NOT_FOUND: beacon block' }, 404)
    const fields = { block_hash: payload.blockHash, receipts_root: payload.receiptsRoot }
    return json({
      version: 'electra',
      execution_optimistic: settings.isOptimistic,
      finalized: slot <= chain.finalizedView.slot,
      data: { message: { slot: id, body: { [name]: fields } } },
    })
  },
})

export const routes: readonly Route[] = [
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/genesis$/,
    answer: ({ chain }) =>
      json({
        data: {
          genesis_time: chain.genesisTime.toString(),
          genesis_validators_root: chain.genesisValidatorsRoot,
          genesis_fork_version: '0x10000910',
        },
      }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/config\/spec$/,
    answer: ({ chain }) => json({ data: specOf(chain) }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/config\/deposit_contract$/,
    answer: ({ chain }) =>
      json({ data: { chain_id: chain.chainId.toString(), address: DEPOSIT_CONTRACT } }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/node\/version$/,
    answer: ({ settings }) => json({ data: { version: VERSIONS[settings.flavour] } }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/node\/health$/,
    answer: ({ settings }) => ({ status: settings.isSyncing ? 206 : 200, body: '' }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/node\/syncing$/,
    answer: ({ chain, settings }) =>
      json({
        data: {
          head_slot: chain.view(settings.lag).slot.toString(),
          sync_distance: (
            settings.syncDistance ??
            (settings.isSyncing && settings.lag === 0 ? 1_000 : settings.lag * chain.slotsPerEpoch)
          ).toString(),
          is_syncing: settings.isSyncing,
          is_optimistic: settings.isOptimistic,
          el_offline: settings.elOffline,
        },
      }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/fork$/,
    answer: inState(({ chain }) => ({
      previous_version: chain.fork.previousVersion,
      current_version: chain.fork.currentVersion,
      epoch: chain.fork.epoch.toString(),
    })),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/finality_checkpoints$/,
    answer: inState(({ chain, settings }) => {
      const finalized = resolveState(chain, settings, 'finalized')?.view ?? chain.view()
      const checkpoint = {
        epoch: finalized.epoch.toString(),
        root: chain.blockRoot(finalized.epoch * chain.slotsPerEpoch),
      }
      return {
        previous_justified: checkpoint,
        current_justified: checkpoint,
        finalized: checkpoint,
      }
    }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/pending_partial_withdrawals$/,
    answer: (asked) =>
      asked.settings.partialWithdrawalsSupported
        ? inState(({ chain }) =>
            chain.pendingPartialWithdrawals.map((one) => ({
              validator_index: one.validatorIndex.toString(),
              amount: (one.amount ?? 1_000_000_000).toString(),
              withdrawable_epoch: (one.withdrawableEpoch ?? chain.epoch + 256).toString(),
            })),
          )(asked)
        : json({ code: 404, message: 'NOT_FOUND' }, 404),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/pending_consolidations$/,
    answer: (asked) =>
      asked.settings.consolidationsSupported
        ? inState(({ chain }) =>
            chain.pendingConsolidations.map(([source, target]) => ({
              source_index: source.toString(),
              target_index: target.toString(),
            })),
          )(asked)
        : json({ code: 404, message: 'NOT_FOUND' }, 404),
  },
  blockRoute(/^\/eth\/v1\/beacon\/blinded_blocks\/(\d+)$/, 'execution_payload_header'),
  blockRoute(/^\/eth\/v2\/beacon\/blocks\/(\d+)$/, 'execution_payload'),
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/blinded_blocks\/(0x\w+)$/,
    answer: ({ chain, id }) =>
      json({ data: { message: { slot: '0', body: blindedBody(chain, id) } } }),
  },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/headers\/(\w+)$/,
    answer: inState(({ chain }, { view }) => ({
      root: chain.blockRoot(view.slot),
      canonical: true,
      header: {
        message: {
          slot: view.slot.toString(),
          proposer_index: '0',
          parent_root: chain.blockRoot(view.slot - 1),
          state_root: chain.blockRoot(view.slot),
          body_root: chain.blockRoot(view.slot),
        },
        signature: toHex(Buffer.alloc(96)),
      },
    })),
  },
  ...validatorRoutes,
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/pool\/voluntary_exits$/,
    answer: ({ chain }) => json({ data: [...chain.pool.values()] }),
  },
  { method: 'POST', path: /^\/eth\/v1\/beacon\/pool\/voluntary_exits$/, answer: postExit },
]

/** What is looked at of a block: its execution block, made up of its root. */
const blindedBody = (chain: BeaconChain, root: string) => ({
  execution_payload_header: {
    block_number: chain.finalizedView.slot.toString(),
    block_hash: toHex(sha256(Buffer.from(root))),
    receipts_root: toHex(Buffer.alloc(32)),
  },
})

/** Numbers as decimal strings; what is `undefined` does not appear. */
const specOf = (chain: BeaconChain): Record<string, string | undefined> => ({
  CONFIG_NAME: 'sim',
  PRESET_BASE: 'mainnet',
  DEPOSIT_CHAIN_ID: chain.chainId.toString(),
  DEPOSIT_NETWORK_ID: chain.chainId.toString(),
  DEPOSIT_CONTRACT_ADDRESS: DEPOSIT_CONTRACT,
  SECONDS_PER_SLOT: chain.secondsPerSlot.toString(),
  SLOTS_PER_EPOCH: chain.slotsPerEpoch.toString(),
  SHARD_COMMITTEE_PERIOD: chain.shardCommitteePeriod.toString(),
  MAX_SEED_LOOKAHEAD: '4',
  MIN_VALIDATOR_WITHDRAWABILITY_DELAY: '256',
  GENESIS_FORK_VERSION: '0x10000910',
  CAPELLA_FORK_VERSION: chain.capellaForkVersion,
  CAPELLA_FORK_EPOCH: '0',
  DENEB_FORK_VERSION: '0x50000910',
  DENEB_FORK_EPOCH: chain.denebForkEpoch?.toString(),
  ...chain.spec,
})
