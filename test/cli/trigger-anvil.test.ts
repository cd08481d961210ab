import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { BaseContract, JsonRpcProvider } from 'ethers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitBusAbi } from '../../src/execution/abi.ts'
import { compileContracts, findAnvil, startAnvil } from '../devnet/chain.ts'
import { deployProtocol } from '../devnet/protocol.ts'
import { createStage } from '../devnet/stage.ts'
import { type BeaconChain, createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, startBeaconNode } from '../sim/beacon-node.ts'
import { runHere } from './command.ts'

const CHAIN_ID = 560_048
const CONTRACTS = new URL('../devnet/contracts', import.meta.url).pathname
const RECIPIENT = `0x${'00'.repeat(19)}77`

type Sent = { readonly to: string; readonly data: string; readonly value: string }

/** Its binary is an optional package. */
function runsAnvil(): boolean {
  try {
    return spawnSync(findAnvil(), ['--version']).status === 0
  } catch {
    return false
  }
}

describe.skipIf(!runsAnvil())(
  'trigger, on contracts that check what those of the protocol check',
  () => {
    const over = new AbortController()
    let stage: ReturnType<typeof createStage>
    let beacon: BeaconChain
    let node: BeaconNode
    let url: string
    let provider: JsonRpcProvider
    let protocol: Awaited<ReturnType<typeof deployProtocol>>

    beforeAll(async () => {
      stage = createStage((reason) => over.abort(reason))
      const chain = await startAnvil(stage, CHAIN_ID, over.signal)
      url = chain.url
      provider = chain.provider
      protocol = await deployProtocol(chain.chain, compileContracts(CONTRACTS), {
        modules: [1],
        operators: 9,
      })
      beacon = createBeaconChain({ chainId: BigInt(CHAIN_ID) })
      node = await startBeaconNode({ chain: beacon })
    })
    afterAll(async () => {
      provider?.destroy()
      await node?.close()
      await stage?.tearDown()
    })

    const recordOf = (validatorIndex: number) => ({
      moduleId: 1,
      operatorId: 5,
      validatorIndex,
      pubkey: beacon.pubkey(validatorIndex),
    })

    async function trigger(args: readonly string[], allowed: readonly string[]): Promise<Sent[]> {
      const { code, stdout, stderr } = await runHere(['trigger', '--json', ...args], {
        EXECUTION_NODE: url,
        CONSENSUS_NODE: node.url,
        LOCATOR_ADDRESS: protocol.locator,
        EJECTOR_SCOPE: '{"1":[5]}',
        MESSAGES_LOCATION: join(stage.folder, 'none'),
        ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(protocol.allowlist),
        SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify(allowed),
      })
      expect(stderr).toBe('')
      expect(code).toBe(0)
      return JSON.parse(stdout)
    }

    /** Public keys whose exit the execution layer was asked for. */
    async function requested(hash: string): Promise<string[]> {
      const receipt = await provider.waitForTransaction(hash)
      expect(receipt?.status).toBe(1)
      return (receipt?.logs ?? []).flatMap((log) => {
        const parsed = (protocol.vault as BaseContract).interface.parseLog(log)
        return parsed?.name === 'WithdrawalRequested' ? [String(parsed.args.pubkey)] : []
      })
    }

    /** What the printed transaction does well is done wrong, one thing after the other. */
    async function expectChecked({ data, value, ...printed }: Sent & { readonly from: string }) {
      const name = 'triggerExits'
      const [{ data: records, dataFormat }, places, recipient] = exitBusAbi
        .decodeFunctionData(name, data)
        .toArray() as [{ data: string; dataFormat: bigint }, bigint[], string]
      const call = (bytes: string, at: readonly bigint[], wei = BigInt(value)) =>
        provider.call({
          ...printed,
          value: wei,
          data: exitBusAbi.encodeFunctionData(name, [[bytes, dataFormat], at, recipient]),
        })
      const last = places.at(-1) as bigint
      await call(records, places)
      await expect(call(`${records.slice(0, -2)}77`, places)).rejects.toThrow('not delivered')
      await expect(call(records, [...places, last])).rejects.toThrow('do not ascend')
      await expect(call(records, [last + 9n])).rejects.toThrow('no such record')
      await expect(call(records, places, BigInt(value) / 2n - 1n)).rejects.toThrow('than the fee')
      await expect(call(records, places, 0n)).rejects.toThrow('no fee')
    }

    test('the printed transactions, sent as printed, do it', async () => {
      await protocol.reportThroughMember([1, 2, 3, 4].map(recordOf), 1)
      await protocol.reportDirectly([5, 6, 7].map(recordOf), 2)
      const direct = await protocol.requestWithoutOracle([8, 9].map(recordOf), 1)
      await protocol.finalize()
      const from = await (await provider.getSigner(5)).getAddress()
      const setFee = protocol.vault.getFunction('setFee')
      await (await setFee.send(1_000n)).wait()

      const printed = await trigger(['4', '9', '6', '2', '7', '--recipient', RECIPIENT], [direct])
      expect(printed.map(({ value }) => BigInt(value))).toEqual([4_000n, 2_000n, 4_000n])
      for (const transaction of printed) await expectChecked({ from, ...transaction })
      // The fee rises before it is sent, and falls: what is too much goes back.
      const fees = [1_000n, 2_000n, 1_500n]
      const exited: string[] = []
      for (const [at, transaction] of printed.entries()) {
        await (await setFee.send(fees[at])).wait()
        exited.push(
          ...(await requested(
            await provider.send('eth_sendTransaction', [{ from, ...transaction }]),
          )),
        )
      }
      expect(exited.toSorted()).toEqual(
        [2, 4, 6, 7, 9].map((index) => beacon.pubkey(index)).toSorted(),
      )
      expect(await provider.getBalance(RECIPIENT)).toBe(2_000n + 0n + 1_000n)

      // The fee is read anew, and the sender is who gets back what is too much.
      await (await setFee.send(5n)).wait()
      const [again] = (await trigger(['1'], [])) as [Sent]
      expect(BigInt(again.value)).toBe(10n)
      const hash = await provider.send('eth_sendTransaction', [{ from, ...again }])
      expect(await requested(hash)).toEqual([beacon.pubkey(1)])
      // The contract keeps nothing.
      expect(await provider.getBalance(again.to)).toBe(0n)
    })
  },
)
