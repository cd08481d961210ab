import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getAddress, id } from 'ethers'
import { afterEach, describe, expect, test } from 'vitest'
import { seededWallet } from '../sim/ledger.ts'
import { createWorld, type World, type WorldOptions } from '../support/world.ts'
import { check, type Ended, envOf, marked, startCommand } from './command.ts'

let world: World
afterEach(() => world.close())

const HOURS_AGO = Math.floor(Date.now() / 1_000) - 3 * 3_600
/** `getContractVersion()` */
const VERSION_CALL = id('getContractVersion()').slice(0, 10)
const NOWHERE = 'http://127.0.0.1:1'

/** All well, but for what the options and `spoil` change. */
async function checkWith(
  spoil: (world: World) => NodeJS.ProcessEnv | undefined | Promise<NodeJS.ProcessEnv | undefined>,
  options: WorldOptions = {},
): Promise<Ended> {
  world = await createWorld(options)
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  return check(world, (await spoil(world)) ?? {})
}

/** A server that knows one answer. */
async function answering(status: number): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end())
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/exit/t0ken`
}

/** The first address with one letter in the other case. */
const misspelt = (address: string, at: number): string => {
  const checked = getAddress(address)
  return at > 0
    ? checked
    : checked.replace(/(?<=^0x.*)[a-f]/i, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      )
}

const allowing = (count: number) => (at: World) => ({
  ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(at.chain.signerAddresses().slice(0, count)),
  ORACLE_QUORUM: '1',
})

type Case = [
  name: string,
  spoil: Parameters<typeof checkWith>[0],
  /** Part of the line and its remedy. */
  said: RegExp,
  options?: WorldOptions,
]

const CASES: Case[] = [
  [
    'a dead execution node',
    () => ({ EXECUTION_NODE: NOWHERE }),
    /execution node 127\.0\.0\.1:1: not used: .*\n {2}→ start it, or correct EXECUTION_NODE/,
  ],
  [
    'a dead consensus node',
    () => ({ CONSENSUS_NODE: NOWHERE }),
    /consensus node 127\.0\.0\.1:1: not used: .*\n {2}→ start it, or correct CONSENSUS_NODE/,
  ],
  [
    'nodes of different chains',
    () => undefined,
    /one chain: the nodes are on different chains \(.*\)\n {2}→ set EXECUTION_NODE and CONSENSUS_NODE/,
    { beacon: { chainId: 17_000n } },
  ],
  [
    'an execution node that is syncing',
    () => undefined,
    /execution node .*: still syncing, at block \d+ of \d+\n {2}→ wait until it is synced/,
    { executionNodes: [{ syncing: true }] },
  ],
  [
    'a consensus node that is syncing',
    () => undefined,
    /consensus node .*: still syncing, at slot \d+\n/,
    { beaconNodes: [{ isSyncing: true }] },
  ],
  [
    'an execution chain that does not finalize',
    () => undefined,
    /finality at .*: does not move: block \d+ was \d+ h \d+ min ago\n/,
    { execution: { startTimestamp: HOURS_AGO } },
  ],
  [
    'a beacon chain that does not finalize',
    () => undefined,
    /finality at .*: does not move: epoch \d+ was \d+ h \d+ min ago\n/,
    { beacon: { genesisTime: HOURS_AGO - 1_000 * 384 } },
  ],
  [
    'another Locator',
    () => ({ LOCATOR_ADDRESS: `0x${'12'.repeat(20)}` }),
    /contracts at .*: Locator\.validatorsExitBusOracle\(\) of 0x12.* gave no address.*\n {2}→ set LOCATOR_ADDRESS/,
  ],
  [
    'a proof that needs an exit bus which is not known',
    () => ({ PROOF: 'finality', CAPELLA_FORK_VERSION: '0x03000000' }),
    /✗ PROOF: PROOF=finality needs the exit bus, which is not known for chain 7\n {2}→ set EXIT_BUS_ADDRESS, for/,
    { beacon: { chainId: 7n }, execution: { chainId: 7n } },
  ],
  [
    'a module that does not exist',
    () => ({ EJECTOR_SCOPE: '{"9":[5]}' }),
    /module 9: the staking router knows no module 9\n {2}→ correct EJECTOR_SCOPE/,
  ],
  [
    'an operator that does not exist',
    () => ({ EJECTOR_SCOPE: '{"1":[5,40]}' }),
    /operator 40: module 1 \(module-1\) has no such operator: the highest is 39\n {2}→ correct EJECTOR_SCOPE/,
  ],
  [
    'an allowlist that lacks too many members',
    allowing(1),
    /ORACLE_QUORUM 1: not reached by every report: 2 votes make one, and 2 of the signers may vote and are not in the allowlist\n {2}→ complete ORACLE_ADDRESSES_ALLOWLIST$/,
  ],
  [
    'a quorum that is out of reach',
    (at) => ({
      ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify([
        ...at.chain.signerAddresses().slice(0, 1),
        `0x${'34'.repeat(20)}`,
      ]),
      ORACLE_QUORUM: '2',
    }),
    /ORACLE_QUORUM 2: out of reach: 1 of the present signers are in the allowlist.*\n {2}→ complete ORACLE_ADDRESSES_ALLOWLIST$/,
  ],
  [
    'an exit bus of other versions than this program was made for',
    (at) => {
      at.execution.onResult('eth_call', (result, [{ data }]) =>
        data === VERSION_CALL ? `0x${'9'.padStart(64, '0')}` : result,
      )
      return undefined
    },
    /versions of the exit bus: .*contract version 9 instead of 3.*\n {2}→ look for a newer release/,
  ],
  [
    'logs that are not served',
    (at) => {
      at.execution.onResult('eth_getLogs', () => {
        throw new Error('not here')
      })
      at.execution.set({ maxLogRange: 0 })
      return undefined
    },
    /logs of .*: eth_getLogs does not work: .*\n {2}→ name a node that serves logs/,
  ],
  [
    'a request without a message',
    (at) => {
      at.ask(at.requestOf(2))
      return undefined
    },
    /requests: 2 open: 1 ready, 1 missing, 0 pending.*\n {2}→ sign exits for the missing validators/,
  ],
  [
    'a folder without messages',
    (at) => {
      mkdirSync(join(at.home, 'empty'))
      return { MESSAGES_LOCATION: 'empty' }
    },
    /messages: 0 usable, 0 used, 0 rejected, in 0 files\n {2}→ put signed exit messages/,
  ],
  [
    'a folder that is not there',
    () => ({ MESSAGES_LOCATION: 'nowhere' }),
    /messages: .*nowhere.*\n {2}→ correct MESSAGES_LOCATION/,
  ],
  [
    'a state file in a folder that is not there',
    () => ({ STATE_FILE: 'nowhere/state.sqlite' }),
    /STATE_FILE: cannot be used: the folder .*nowhere does not exist.*\n {2}→ set STATE_FILE/,
  ],
  [
    'a webhook that is down',
    () => ({ MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: `${NOWHERE}/exit/t0ken` }),
    /webhook at 127\.0\.0\.1:1: does not answer: .*\n {2}→ start the receiver/,
  ],
  [
    'messages that are all used',
    (at) => {
      at.beacon.setValidator(1, { exitEpoch: 990 })
      return undefined
    },
    /messages: 0 usable, 1 used, 0 rejected, in 1 file\n {2}→ sign exits for validators that are active/,
  ],
  [
    'a message that is valid only after the deadline',
    (at) => {
      const exit = at.beacon.signExit(1, { epoch: at.beacon.epoch + 1_000 })
      writeFileSync(join(at.folder, '1.json'), JSON.stringify(exit))
      return undefined
    },
    /messages: valid only after the deadline: those of 1\n {2}→ .* earlier epoch/,
  ],
  [
    'a request whose proof no node can give',
    (at) => {
      at.execution.onResult('eth_getTransactionByHash', () => null)
      return undefined
    },
    /proof: 1 not proven.*: answer-missing; one validator is active still\n/,
  ],
  [
    'a direct request that is not listed',
    (at) => {
      at.chain.submitDirect({ requests: [at.requestOf(2)], signer: seededWallet('direct') })
      at.chain.finalize()
      return undefined
    },
    /proof: 1 not proven, so nothing is submitted for them: unlisted-transaction; one validator/,
  ],
  ...[301, 502].map(
    (status): Case => [
      `a webhook that answers ${status}`,
      async () => ({ MESSAGES_LOCATION: '', VALIDATOR_EXIT_WEBHOOK: await answering(status) }),
      new RegExp(`webhook at .*: answers \\(${status} to OPTIONS\\); nothing was sent\n {2}→ s`),
    ],
  ),
  [
    'a port that another program has, without health',
    (at) => ({ HTTP_PORT: new URL(at.execution.url).port, RUN_HEALTH_CHECK: 'false' }),
    /HTTP_PORT \d+: taken\n/,
  ],
  [
    'a port that a daemon with another state file has',
    async (at) => {
      const { port } = await at.start()
      return { HTTP_PORT: `${port}`, STATE_FILE: 'state.sqlite' }
    },
    /HTTP_PORT \d+: in use by another daemon: .*\n {2}→ set HTTP_PORT to another one/,
  ],
  [
    'a port that another program has',
    (at) => ({ HTTP_PORT: new URL(at.execution.url).port }),
    /HTTP_PORT \d+: taken\n {2}→ if that is no running daemon, set HTTP_PORT to another one/,
  ],
  ['a rehearsal', () => ({ DRY_RUN: 'true' }), /DRY_RUN: is on: the daemon submits nothing/],
  [
    'a stop that was left behind',
    (at) => {
      writeFileSync(join(at.home, 'hold'), '')
      return { HOLD_FILE: 'hold' }
    },
    /HOLD_FILE: hold exists: the daemon submits nothing\n {2}→ remove that file/,
  ],
]

describe('check ends with code 1 and names the remedy:', () => {
  test.each(CASES)('%s', async (_name, spoil, said, options) => {
    const ended = await checkWith(spoil, options)

    const failures = marked(ended, '✗')
    const fits = (one: string) => said.test(one)
    expect(failures.filter(fits), ended.stdout).toHaveLength(1)
    expect(ended.stdout).toMatch(/Not ready: see the .*✗ above\./)
    expect(ended.stdout).not.toContain('t0ken')
    expect(ended.code).toBe(1)
  })
})

describe('check warns, and ends with code 0:', () => {
  const warned: Case[] = [
    [
      'a refused file beside good ones, with file, entry and reason',
      (at) => {
        const strange = { ...at.beacon.signExit(2), message: { epoch: '1', validator_index: '3' } }
        writeFileSync(
          join(at.folder, 'many.json'),
          JSON.stringify([at.beacon.signExit(4), strange]),
        )
        return undefined
      },
      /messages: 2 usable, 0 used, 1 rejected, in 2 files\n {2}→ correct or remove/,
    ],
    [
      'a dead node beside a good one',
      (at) => ({ EXECUTION_NODE: `${NOWHERE},${at.execution.url}` }),
      /execution node 127\.0\.0\.1:1: not used/,
    ],
    [
      'a member who is not listed, while every report is proven still',
      allowing(2),
      /names 2 of the 3 signers of the oracle: missing 0x.*\n {2}→ check it with the protocol, then set ORACLE_ADDRESSES_ALLOWLIST=\[/,
    ],
    [
      'a state file that is none',
      (at) => {
        writeFileSync(join(at.home, 'state.sqlite'), 'something else')
        return { STATE_FILE: 'state.sqlite' }
      },
      /STATE_FILE: cannot be read: .*\n {2}→ nothing, if you expect this: the daemon sets the file aside/,
    ],
    [
      'an address of the allowlist with a wrong checksum',
      (at) => ({
        ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(at.chain.signerAddresses().map(misspelt)),
      }),
      /configuration: ORACLE_ADDRESSES_ALLOWLIST: 0x[0-9a-fA-F]{40} has a wrong EIP-55 checksum: .*\n {2}→ /,
    ],
    ['TRUST_MODE', () => ({ TRUST_MODE: 'true' }), /TRUST_MODE is on/],
    [
      'a node that gives few blocks at once',
      (at) => {
        at.execution.set({ maxLogRange: 3_000 })
        return undefined
      },
      /no more than 2500 blocks at once.*\n {2}→ LOAD_LOGS_STEP=2500/,
    ],
    [
      'a request that is not proven, of a validator that has left',
      (at) => {
        at.beacon.setValidator(2, { exitEpoch: 990 })
        at.chain.submitDirect({ requests: [at.requestOf(2)], signer: seededWallet('direct') })
        at.chain.finalize()
        return undefined
      },
      /proof: 1 not proven, so nothing is submitted for them: unlisted-transaction\n/,
    ],
    [
      'a webhook that may have another path',
      async () => ({
        MESSAGES_LOCATION: '',
        VALIDATOR_EXIT_WEBHOOK: await answering(404),
        STATE_FILE: 'state.sqlite',
      }),
      /webhook at .*: answers \(404 to OPTIONS\); nothing was sent\n {2}→ see whether/,
    ],
  ]

  test.each(warned)('%s', async (_name, spoil, said, options) => {
    const ended = await checkWith(spoil, options)

    const warnings = marked(ended, '!')
    const fits = (one: string) => said.test(one)
    expect(warnings.filter(fits), ended.stdout).toHaveLength(1)
    expect(marked(ended, '✗')).toEqual([])
    expect(ended.code).toBe(0)
  })
})

test('a wrong configuration is told whole, without asking anybody, and ends with code 2', async () => {
  world = await createWorld()

  const env = world.env({ LOCATOR_ADDRESS: '0x12', ORACLE_QUORUM: 'many', DRY_RUN: 'perhaps' })
  const ended = await startCommand(['check'], env, world.home).ended

  for (const name of ['LOCATOR_ADDRESS', 'ORACLE_QUORUM', 'DRY_RUN']) {
    expect(ended.stdout).toMatch(new RegExp(`✗ ${name}: .*\n {2}→ for example ${name}=`))
  }
  expect(ended.code).toBe(2)
  expect(world.execution.calls).toEqual([])
})

test('interrupted while a node keeps it waiting, it ends at once with code 130', async () => {
  world = await createWorld()
  world.consensus.faults.add({ kind: 'hang' })

  const { child, ended } = startCommand(['check'], envOf(world), world.home)
  await expect.poll(() => world.consensus.calls.length, { timeout: 60_000 }).toBeGreaterThan(0)
  child.kill('SIGINT')
  const { code, stderr } = await ended

  expect(code).toBe(130)
  expect(stderr).toBe('interrupted\n')
})
