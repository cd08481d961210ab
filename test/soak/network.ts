import { receiptsRootOf } from '../../src/proof/receipts.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, type Flavour, startBeaconNode } from '../sim/beacon-node.ts'
import { NEVER } from '../sim/beacon-registry.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { type ExecutionNode, startExecutionNode } from '../sim/execution-node.ts'
import { receiptsOf } from '../sim/execution-rpc.ts'
import type { Call } from '../sim/faults.ts'
import { startWebhookReceiver } from '../sim/webhook-receiver.ts'
import type { Random } from './random.ts'

export const VALIDATORS = 160
export const SECONDS_PER_EPOCH = 384
const SECONDS_PER_BLOCK = 12
/** Short, so that an episode passes it. */
export const DEADLINE_SECONDS = 12 * 3_600
/** Epochs from a block to its finality. */
const FINALITY_EPOCHS = 2
const FIRST_EPOCH = 1_000
const FLAVOURS: readonly Flavour[] = ['lighthouse', 'teku', 'prysm', 'nimbus', 'lodestar']

/** Both chains in step with one clock, with three nodes each, and a receiver of webhook calls. */
export async function createNetwork(random: Random, startSeconds: number) {
  const startBlock = 100_000
  const chain = createExecutionChain({
    startBlock,
    startTimestamp: startSeconds,
    delegated: [2],
    modules: [{ id: 1, exitDeadlineSeconds: DEADLINE_SECONDS }],
  })
  const beacon = createBeaconChain({
    validators: VALIDATORS,
    epoch: FIRST_EPOCH,
    genesisTime: startSeconds - FIRST_EPOCH * SECONDS_PER_EPOCH,
  })
  const executionNodes: ExecutionNode[] = []
  const beaconNodes: BeaconNode[] = []
  for (let at = 0; at < 3; at += 1) {
    executionNodes.push(
      await startExecutionNode({ chain, maxLogRange: random.pick([1_000, 10_000]) }),
    )
    const flavour = random.pick(FLAVOURS)
    beaconNodes.push(await startBeaconNode({ chain: beacon, name: `${flavour} ${at}`, flavour }))
  }
  const receiver = await startWebhookReceiver()
  let sealed = startBlock - 1

  /** Exits that a reorganisation may still take out. */
  const unfinalizedExits = () =>
    beacon
      .exitedIndices()
      .filter((index) => beacon.registry.at(index, beacon.finalizedView)?.exitEpoch === NEVER)

  return {
    chain,
    beacon,
    executionNodes,
    beaconNodes,
    receiver,
    /** Calls that never reached the webhook's machinery. */
    lost: new WeakSet<Call>(),
    unfinalizedExits,

    /** Both chains as far as they are at this time, in unix seconds. Returns the epochs gone by. */
    advanceTo(seconds: number): number {
      const epoch = FIRST_EPOCH + Math.floor((seconds - startSeconds) / SECONDS_PER_EPOCH)
      const epochs = Math.max(0, epoch - beacon.epoch)
      for (let i = 0; i < epochs; i += 1) {
        beacon.advance()
        beacon.finalize(FINALITY_EPOCHS)
      }
      const head = startBlock + Math.floor((seconds - startSeconds) / SECONDS_PER_BLOCK)
      if (head > chain.head) chain.mine(head - chain.head)
      const blocks = (FINALITY_EPOCHS * SECONDS_PER_EPOCH) / SECONDS_PER_BLOCK
      chain.finalize(Math.max(chain.finalized, chain.head - blocks))
      return epochs
    },

    /** Blocks of the beacon chain name the final ones of the execution chain that hold anything. */
    async seal(): Promise<void> {
      while (sealed < chain.finalized) {
        sealed += 1
        if (chain.transactionsOf(sealed).length === 0) continue
        const seconds = chain.timestampOf(sealed) - startSeconds
        const slot = (FIRST_EPOCH * SECONDS_PER_EPOCH + seconds) / SECONDS_PER_BLOCK
        const receiptsRoot = await receiptsRootOf(receiptsOf(chain, sealed))
        beacon.payloads.set(slot, { blockHash: chain.hashOf(sealed), receiptsRoot })
      }
    },

    async close(): Promise<void> {
      await Promise.all([...executionNodes, ...beaconNodes, receiver].map((node) => node.close()))
    },
  }
}
export type Network = Awaited<ReturnType<typeof createNetwork>>
