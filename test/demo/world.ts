import type { Bytes32 } from '../../src/lib/primitives.ts'
import { receiptsRootOf } from '../../src/proof/receipts.ts'
import { request } from '../devnet/http.ts'
import type { ExitRecord } from '../devnet/protocol.ts'
import type { Stage } from '../devnet/stage.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, startBeaconNode } from '../sim/beacon-node.ts'
import { CAST_SIZE, indexOf, type RoleName } from './cast.ts'
import { startOracle } from './oracle.ts'
import { startRelay } from './relay.ts'

/** Nobody's network: nothing here could ever count elsewhere. */
const CHAIN_ID = 7_777_777
/** A chain in a hurry: an epoch takes 2 s instead of 6.4 minutes. */
const SECONDS_PER_SLOT = 1
const SLOTS_PER_EPOCH = 2

/** Slots that the beacon chain is ahead: execution blocks may come faster than time goes by. */
const AHEAD = 300
const FIRST_EPOCH = 1_000

/** Validators for what happens after the story. */
const SPARE = 50

/** Whose validators the daemon may exit. */
export const OPERATOR = { moduleId: 1, operatorId: 7 }
const ANOTHER_OPERATOR = { moduleId: 1, operatorId: 8 }

export type World = Awaited<ReturnType<typeof createWorld>>

/** Two consensus nodes, two execution nodes, and an oracle that writes into their chain. */
export async function createWorld(stage: Stage, simulator: boolean, signal: AbortSignal) {
  const oracle = await startOracle(stage, CHAIN_ID, simulator, signal)
  const liar = await startRelay(oracle.url)
  const beacon = createBeaconChain({
    chainId: BigInt(CHAIN_ID),
    slotsPerEpoch: SLOTS_PER_EPOCH,
    secondsPerSlot: SECONDS_PER_SLOT,
    genesisTime: Math.floor(Date.now() / 1000) - FIRST_EPOCH * SLOTS_PER_EPOCH + AHEAD,
    epoch: FIRST_EPOCH,
    validators: CAST_SIZE + SPARE,
  })
  const nodes: [BeaconNode, BeaconNode] = [
    await startBeaconNode({ chain: beacon }),
    await startBeaconNode({ chain: beacon, flavour: 'teku' }),
  ]
  const clock = setInterval(() => {
    beacon.advanceSlots(1)
    if (beacon.slot % SLOTS_PER_EPOCH === 0) beacon.finalize()
  }, SECONDS_PER_SLOT * 1000)

  /** The block of the beacon chain holds the latest one of the execution chain that asks for exits. */
  async function seal(): Promise<void> {
    for (let number = Number((await blockOf('latest')).number); ; number -= 1) {
      const { hash, timestamp } = await blockOf(`0x${number.toString(16)}`)
      const receipts = (await call('eth_getBlockReceipts', `0x${number.toString(16)}`)) as object[]
      if (!JSON.stringify(receipts).toLowerCase().includes(oracle.exitBus.slice(2).toLowerCase()))
        continue
      const slot = (Number(timestamp) - beacon.genesisTime) / SECONDS_PER_SLOT
      beacon.payloads.set(slot, { blockHash: hash, receiptsRoot: await receiptsRootOf(receipts) })
      return
    }
  }
  const blockOf = async (tag: string) =>
    (await call('eth_getBlockByNumber', tag, false)) as Record<
      'number' | 'hash' | 'timestamp',
      Bytes32
    >
  async function call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const headers = { 'content-type': 'application/json' }
    const { text } = await request(oracle.url, { method: 'POST', headers, body })
    return JSON.parse(text).result
  }

  const pubkeys = Array.from({ length: CAST_SIZE + SPARE }, (_, index) => beacon.pubkey(index))
  const ours = pubkeys.filter((_, index) => index !== indexOf('otherOperator'))
  await oracle.register(OPERATOR.operatorId, ours)

  let spares = 0
  return {
    beacon,
    oracle,
    liar,
    seal,
    /** The one that fails, and the one that goes on. */
    nodes,
    executionUrls: [oracle.url, liar.url],
    consensusUrls: nodes.map(({ url }) => url),

    /** One line of a report. */
    record(name: RoleName): ExitRecord {
      const validatorIndex = indexOf(name)
      const operator = name === 'otherOperator' ? ANOTHER_OPERATOR : OPERATOR
      return { ...operator, validatorIndex, pubkey: beacon.pubkey(validatorIndex) }
    },

    /** One line about a validator that nobody has spoken of. @throws when there are none */
    nextSpare(): ExitRecord {
      const validatorIndex = CAST_SIZE + spares
      if (spares >= SPARE) throw new Error('there are no more validators: start the demo anew')
      spares += 1
      return { ...OPERATOR, validatorIndex, pubkey: beacon.pubkey(validatorIndex) }
    },

    /** Indices whose exits any node was handed, whatever it made of them. */
    sent: (): readonly number[] =>
      nodes
        .flatMap((node) => node.postedExits())
        .map((exit) =>
          Number((exit as { message: { validator_index: string } }).message.validator_index),
        ),

    async close() {
      clearInterval(clock)
      await Promise.all([...nodes, liar, oracle].map((one) => one.close()))
    },
  }
}
