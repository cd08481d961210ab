import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { id, JsonRpcProvider, type TransactionRequest, Wallet } from 'ethers'
import type { Chain } from './chain.ts'
import { freePorts } from './http.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

/** What Lodestar takes for the chain of its deposit contract, unless it is told otherwise. */
const CHAIN_ID = 5
const BOOT_DEADLINE_MS = 60_000
/** Some five epochs of 24 s, on a busy machine. */
const FINALITY_DEADLINE_MS = 240_000

/** Every transaction names its price: the client has no `eth_maxPriorityFeePerGas`. */
const GWEI = 10n ** 9n
const priceOf = (type: number | null | undefined) =>
  (type ?? 2) === 2
    ? { type: 2, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI }
    : { type: type ?? 2, gasPrice: 10n * GWEI }
const GAS_LIMIT = 3_000_000n
const BALANCE = `0x${(10n ** 21n).toString(16)}`

/** A real execution client, whose blocks a consensus client makes through the Engine API. */
export async function startEthereumjs(stage: Stage, home: string, signal: AbortSignal) {
  const [rpc, engine] = await freePorts(2)
  const keys = Array.from({ length: 7 }, (_, at) => id(`devnet account ${at}`))
  const genesis = join(stage.folder, 'genesis.json')
  writeFileSync(genesis, JSON.stringify(genesisOf(keys.map((key) => new Wallet(key).address))))
  const secret = join(stage.folder, 'jwt.hex')
  writeFileSync(secret, id('devnet').slice(2))

  const url = `http://127.0.0.1:${rpc}`
  const flags = [
    `--gethGenesis=${genesis}`,
    `--dataDir=${join(stage.folder, 'ethereumjs')}`,
    '--rpc',
    '--rpcAddr=127.0.0.1',
    `--rpcPort=${rpc}`,
    '--rpcEngine',
    '--rpcEngineAddr=127.0.0.1',
    `--rpcEnginePort=${engine}`,
    `--jwtSecret=${secret}`,
    '--sync=none',
    '--isSingleNode',
    '--logFile=false',
    '--logLevel=warn',
  ]
  const main = join(home, 'node_modules/@ethereumjs/client/dist/esm/bin/cli.js')
  stage.launch('ethereumjs', process.execPath, [main, ...flags], {
    cwd: stage.folder,
    env: { HOME: stage.folder },
  })

  const options = { staticNetwork: true, cacheTimeout: -1, pollingInterval: 500, batchMaxCount: 1 }
  const provider = new JsonRpcProvider(url, CHAIN_ID, options)
  const first = await until('ethereumjs answers', BOOT_DEADLINE_MS, signal, () =>
    provider.send('eth_getBlockByNumber', ['0x0', false]),
  )
  const numberOf = async (tag: string): Promise<number> =>
    Number((await provider.send('eth_getBlockByNumber', [tag, false])).number)

  const chain: Chain = {
    accounts: keys.map((key) => accountOf(key, provider)),
    async finalize() {
      const wanted = await numberOf('latest')
      await until('the chain finalizes', FINALITY_DEADLINE_MS, signal, async () => {
        const finalized = await numberOf('finalized')
        if (finalized < wanted) throw new Error(`block ${finalized} of ${wanted}`)
      })
    },
  }
  return { url, engine: `http://127.0.0.1:${engine}`, secret, genesisHash: `${first.hash}`, chain }
}

/**
 * Counts its own transactions, since those that wait for a block do not count for the client, and
 * asks it for no price.
 */
function accountOf(key: string, provider: JsonRpcProvider): Wallet {
  const wallet = new Wallet(key, provider)
  let nonce = 0
  wallet.sendTransaction = async (request: TransactionRequest) => {
    const own = { nonce, chainId: CHAIN_ID, gasLimit: GAS_LIMIT }
    nonce += 1
    const signed = await wallet.signTransaction({ ...own, ...request, ...priceOf(request.type) })
    return provider.broadcastTransaction(signed)
  }
  return wallet
}

/** Shanghai from the first block on, and nothing later. */
function genesisOf(addresses: readonly string[]) {
  const blocks = [
    'homestead',
    'eip150',
    'eip155',
    'eip158',
    'byzantium',
    'constantinople',
    'petersburg',
    'istanbul',
    'berlin',
    'london',
    'mergeNetsplit',
  ]
  const zeros = (bytes: number) => `0x${'00'.repeat(bytes)}`
  return {
    config: {
      chainId: CHAIN_ID,
      ...Object.fromEntries(blocks.map((name) => [`${name}Block`, 0])),
      shanghaiTime: 0,
      terminalTotalDifficulty: 0,
      terminalTotalDifficultyPassed: true,
    },
    nonce: '0x0',
    timestamp: '0x0',
    extraData: '0x',
    gasLimit: '0x1c9c380',
    difficulty: '0x0',
    mixHash: zeros(32),
    coinbase: zeros(20),
    parentHash: zeros(32),
    number: '0x0',
    gasUsed: '0x0',
    baseFeePerGas: '0x3b9aca00',
    alloc: Object.fromEntries(addresses.map((one) => [one, { balance: BALANCE }])),
  }
}
