import { receiptsRootOf } from '../../src/proof/receipts.ts'
import { receiptsOf } from '../sim/execution-rpc.ts'
import { createWorld, type WorldOptions } from './world.ts'

const SECONDS_PER_SLOT = 12
const DAY_S = 86_400

/** Two chains whose times agree, as those of the protocol do: an execution block for each slot. */
export async function createFinalityWorld(options: WorldOptions = {}) {
  const now = Math.floor(Date.now() / 1_000)
  const genesisTime = now - 1_000 * 32 * SECONDS_PER_SLOT
  const slots = Math.floor((now - DAY_S - genesisTime) / SECONDS_PER_SLOT)
  const world = await createWorld({
    ...options,
    execution: { startTimestamp: genesisTime + slots * SECONDS_PER_SLOT, ...options.execution },
    beacon: { genesisTime, ...options.beacon },
  })
  const { chain, beacon } = world
  const slotOf = (block: number) => (chain.timestampOf(block) - genesisTime) / SECONDS_PER_SLOT

  /** Blocks of the beacon chain name those of the execution chain that hold anything. */
  async function seal(): Promise<void> {
    for (let block = 100_000; block <= chain.head; block += 1) {
      if (chain.transactionsOf(block).length === 0) continue
      beacon.payloads.set(slotOf(block), {
        blockHash: chain.hashOf(block),
        receiptsRoot: await receiptsRootOf(receiptsOf(chain, block)),
      })
    }
  }

  return Object.assign(world, {
    slotOf,
    seal,
    /** Genuine requests, final on both chains. */
    async askFinal(...indices: readonly number[]) {
      const report = world.ask(...indices.map((index) => world.requestOf(index)))
      await seal()
      return report
    },
    /** The proof by finality, of the exit bus of this world. */
    finality: (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
      PROOF: 'finality',
      EXIT_BUS_ADDRESS: chain.exitBus,
      ORACLE_ADDRESSES_ALLOWLIST: '',
      ...more,
    }),
  })
}

export type FinalityWorld = Awaited<ReturnType<typeof createFinalityWorld>>
