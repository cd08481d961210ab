import { readFileSync } from 'node:fs'
import { Wallet } from 'ethers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { exitBusAbi } from '../../src/execution/abi.ts'
import type { Address } from '../../src/lib/primitives.ts'
import { execTransaction } from '../proof/chain.ts'
import {
  encodeRecords,
  encodeSubmitExitRequestsData,
  exitRequestLog,
  type SimExitRequest,
  sortRequests,
} from '../sim/abi.ts'
import { createWorld, type World } from '../support/world.ts'
import { envOf, runHere } from './command.ts'
import { paragraph } from './explain-support.ts'

const RECIPIENT = `0x${'ab'.repeat(20)}`
const NOBODY = `0x${'00'.repeat(20)}`

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const trigger = (args: readonly (string | number)[], more: NodeJS.ProcessEnv = {}) =>
  runHere(['trigger', ...args.map(String)], envOf(world, more))

type Printed = { readonly to: string; readonly data: string; readonly value: string }

/** What the transactions of `--json` would do. */
async function triggered(args: readonly (string | number)[], more: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await trigger(['--json', ...args], more)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return (JSON.parse(stdout) as Printed[]).map(({ to, data, value, ...more }) => {
    expect(more).toEqual({})
    expect(to).toBe(world.chain.exitBus.toLowerCase())
    const { exitsData, exitDataIndexes, refundRecipient } = exitBusAbi.decodeFunctionData(
      'triggerExits',
      data,
    )
    return {
      data: String(exitsData.data),
      format: Number(exitsData.dataFormat),
      places: [...exitDataIndexes].map(Number),
      recipient: String(refundRecipient).toLowerCase(),
      value: BigInt(value),
    }
  })
}

const requests = (...indices: readonly number[]): SimExitRequest[] =>
  indices.map((index) => world.requestOf(index))

describe('trigger', () => {
  test('validators of one report in one transaction, in the order of its data, those of another in another', async () => {
    world.chain.withdrawalFee = 7n
    world.ask(...requests(1, 2, 3, 4))
    world.chain.submitReport({ requests: requests(8, 9), format: 2 })
    world.chain.finalize()

    expect(await triggered([4, 9, 2, 4])).toEqual([
      {
        data: encodeRecords(sortRequests(requests(1, 2, 3, 4), 1), 1),
        format: 1,
        places: [1, 3],
        recipient: NOBODY,
        value: 28n,
      },
      {
        data: encodeRecords(sortRequests(requests(8, 9), 2), 2),
        format: 2,
        places: [1],
        recipient: NOBODY,
        value: 14n,
      },
    ])
    world.chain.withdrawalFee = 2n ** 70n
    const [again] = await triggered([4, '--recipient', RECIPIENT])
    expect(again).toMatchObject({ recipient: RECIPIENT, value: 2n ** 71n, places: [3] })
  })

  test('direct requests, alone and inside a Safe, and of an operator that is not ours', async () => {
    const { chain } = world
    const signer = new Wallet(`0x${'42'.repeat(32)}`)
    const direct = chain.submitDirect({ signer, requests: requests(1, 2) })
    const [inSafe] = requests(5).map((one) => ({ ...one, operatorId: 77 })) as [SimExitRequest]
    const data = encodeRecords([inSafe], 1)
    const safe = chain.addTransaction({
      signer,
      to: `0x${'5a'.repeat(20)}`,
      data: execTransaction(chain.exitBus as Address, encodeSubmitExitRequestsData(data, 1)),
      type: 2,
      logs: [exitRequestLog(chain.exitBus, inSafe, chain.timestampOf(chain.head + 1))],
    })
    chain.finalize()

    const allowed = { SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify([direct.hash, safe.hash]) }
    expect(await triggered([5, 2], allowed)).toMatchObject([
      { data, places: [0], value: 2n },
      { places: [1], value: 2n },
    ])
  })

  test('in words: value, fee, who gets what back, a line for cast, and that it cannot be undone', async () => {
    world.chain.withdrawalFee = 10n ** 15n
    world.ask(...requests(1, 2))
    const { code, stdout } = await trigger([2])
    const [printed] = JSON.parse((await trigger([2, '--json'])).stdout) as [Printed]
    expect(code).toBe(0)
    expect(stdout).toContain(`validator 2 (${world.beacon.pubkey(2)}), record 1`)
    expect(stdout).toContain(
      '2000000000000000 wei (0.002 ETH); what is too much goes back to the sender',
    )
    expect(stdout).toContain(`cast send ${printed.to} ${printed.data} --value 2000000000000000\n`)
    expect(stdout).toContain('The fee of one exit is 1000000000000000 wei (0.001 ETH) now')
    expect(stdout).toContain('cannot be undone')
    expect(stdout).toContain('Nothing was sent')
    expect(world.execution.rpcCalls('eth_sendRawTransaction')).toEqual([])
    expect(world.consensus.postedExits()).toEqual([])
    const toBus = (await trigger([2, '--recipient', RECIPIENT])).stdout
    expect(toBus).toContain(`what is too much goes back to ${RECIPIENT}`)
  })

  test('refuses all of it, and says why for each, where one cannot be triggered', async () => {
    const unlisted = world.chain.submitDirect({
      signer: new Wallet(`0x${'42'.repeat(32)}`),
      requests: requests(3),
    })
    world.ask(...requests(1, 2))
    world.beacon.setValidator(2, { exitEpoch: 1_010, withdrawableEpoch: 1_266 })

    const { code, stdout, stderr } = await trigger([1, 2, 3, 4])
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('validator 2 is exiting already, or has exited')
    expect(stderr).toContain('validator 3 has no proven request: ')
    expect(stderr).toContain('(unlisted-transaction)')
    expect(stderr).toContain('validator 4 was not requested to exit')
    expect(stderr).not.toContain('validator 1')
    expect(unlisted.hash).toMatch(/^0x/)

    const trusting = await trigger([1], { TRUST_MODE: 'true' })
    expect(trusting.code).toBe(1)
    expect(trusting.stderr).toContain('TRUST_MODE proves nothing')
  })

  test('is what explain and the runbook lead to where a message is missing', async () => {
    world.ask(...requests(1))
    const { stdout } = await runHere(['explain', '1'], envOf(world))
    expect(paragraph({ stdout }, 'Next')[0]).toContain(
      'If its key is lost: validator-ejector trigger 1',
    )
    const runbook = readFileSync(new URL('../../docker/RUNBOOK.md', import.meta.url), 'utf8')
    const [, section = ''] = /## An exit lacks its message\n([\s\S]*?)\n## /.exec(runbook) ?? []
    expect(section).toContain('docker compose run --rm ejector trigger <validator>')
  })

  test('refuses what the registry has under another key', async () => {
    world.ask(world.requestOf(1, { pubkey: world.beacon.pubkey(7) }))
    const { code, stderr } = await trigger([1])
    expect(code).toBe(1)
    expect(stderr).toContain('validator 1 has another public key in the registry than its request')
  })

  test('without a fee there is no transaction, and the json says so', async () => {
    world.ask(...requests(1))
    world.chain.contracts.set(world.chain.withdrawalVault.toLowerCase(), () => undefined)
    const { code, stdout } = await trigger([1, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout).error.message).toMatch(/^trigger: the fee cannot be read: /)
  })

  test.each([
    [['x'], /"x" is not a validator index/],
    [[1, '--recipient', '0x12'], /--recipient: that is no address/],
    [[1, '--recipient', NOBODY], /--recipient: that is no address, or the zero address/],
    [[], /missing required argument/],
  ])('%j is no usage', async (args, words) => {
    const { code, stderr } = await trigger(args)
    expect(code).toBe(2)
    expect(stderr).toMatch(words)
  })
})
