import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  ContractFactory,
  type InterfaceAbi,
  JsonRpcProvider,
  type JsonRpcSigner,
  type Wallet,
} from 'ethers'
import solc from 'solc'
import { freePorts } from './http.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

/** An execution chain as whoever writes on it sees it. */
export type Chain = {
  /** Who sends transactions; their signatures are real. */
  readonly accounts: readonly (JsonRpcSigner | Wallet)[]
  /** Puts what happened so far into finalized blocks. */
  finalize(): Promise<void>
}

/** More than the two epochs of one block that anvil's `finalized` lags behind. */
const BLOCKS_TO_FINALITY = 4
const BOOT_DEADLINE_MS = 20_000

/**
 * Starts an execution node that makes a block of each transaction, and finalizes at once what lies
 * a few blocks back.
 */
export async function startAnvil(stage: Stage, chainId: number, signal: AbortSignal) {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const anvil = findAnvil()
  const args = ['--port', String(port), '--chain-id', String(chainId), '--slots-in-an-epoch', '1']
  stage.launch('anvil', anvil, args, { cwd: stage.folder, env: { HOME: stage.folder } })

  // Nothing may come from a cache: the chain moves faster than one would expire.
  const options = { staticNetwork: true, cacheTimeout: -1, pollingInterval: 100 }
  const provider = new JsonRpcProvider(url, chainId, options)
  await until('anvil answers', BOOT_DEADLINE_MS, signal, () => provider.getBlockNumber())
  const chain: Chain = {
    accounts: await Promise.all([0, 1, 2, 3, 4, 5, 6].map((index) => provider.getSigner(index))),
    async finalize() {
      await provider.send('anvil_mine', [`0x${BLOCKS_TO_FINALITY.toString(16)}`])
    },
  }
  return { url, provider, chain }
}

/** The program itself: the package's wrapper is a process more, and survived by this one. */
export function findAnvil(): string {
  const require = createRequire(import.meta.url)
  const wrapper = require.resolve('@foundry-rs/anvil/package.json')
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  return createRequire(wrapper).resolve(`@foundry-rs/anvil-${platform}/bin/anvil`)
}

type Artifact = { readonly abi: InterfaceAbi; readonly evm: { bytecode: { object: string } } }
type CompilerOutput = {
  readonly errors?: readonly { readonly formattedMessage: string }[]
  readonly contracts: Record<string, Record<string, Artifact>>
}

/** Compiles every contract of a folder; any warning is an error. Keys are contract names. */
export function compileContracts(folder: string): Map<string, ContractFactory> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.sol'))
  const sources = files.map((name) => [name, { content: readFileSync(join(folder, name), 'utf8') }])
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(sources),
    // What the clients of the devnet know.
    settings: {
      evmVersion: 'shanghai',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as CompilerOutput
  if (output.errors !== undefined) {
    throw new Error(output.errors.map((error) => error.formattedMessage).join('\n'))
  }
  const artifacts = Object.values(output.contracts).flatMap((file) => Object.entries(file))
  return new Map(
    artifacts.map(([name, { abi, evm }]) => [name, new ContractFactory(abi, evm.bytecode.object)]),
  )
}
