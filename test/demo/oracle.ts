import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { compileContracts, startAnvil } from '../devnet/chain.ts'
import { deployProtocol, type ExitRecord, QUORUM } from '../devnet/protocol.ts'
import type { Stage } from '../devnet/stage.ts'
import { createMember } from '../sim/contracts.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { startExecutionNode } from '../sim/execution-node.ts'
import { ROOT } from './root.ts'

/** An execution chain with the protocol on it, and the oracle that writes there. */
export type Oracle = {
  /** What runs the chain. */
  readonly name: string
  readonly url: string
  readonly locator: string
  readonly exitBus: string
  /** Whom the operator believes: every member but one. */
  readonly allowlist: readonly string[]
  /** These are the operator's validators. */
  register(operatorId: number, pubkeys: readonly string[]): Promise<void>
  /** A report that enough trusted members have signed, finalized. */
  report(...records: readonly ExitRecord[]): Promise<void>
  /** One that has a quorum, but only with the member whom the operator does not believe. */
  reportWithUntrusted(...records: readonly ExitRecord[]): Promise<void>
  /** Another key signs for one of its members from now on. */
  rotate(): Promise<void>
  close(): Promise<void>
}

/** A scope beyond these does not exist, and `check` says so. */
const REGISTERED = { modules: [1], operators: 9 }

export { QUORUM }

/** Real contracts on anvil where it runs, and else our simulator of both. */
export async function startOracle(
  stage: Stage,
  chainId: number,
  simulator: boolean,
  signal: AbortSignal,
): Promise<Oracle> {
  if (simulator) return onSimulator(chainId, 'our simulator')
  if (runsAnvil()) return onAnvil(stage, chainId, signal)
  return onSimulator(chainId, 'our simulator, since anvil does not run on this machine')
}

/** Its binary is an optional package: missing on some platforms, or made for another C library. */
function runsAnvil(): boolean {
  try {
    const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
    const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
    const binary = `@foundry-rs/anvil-${platform}/bin/anvil`
    return spawnSync(createRequire(wrapper).resolve(binary), ['--version']).status === 0
  } catch {
    return false
  }
}

async function onAnvil(stage: Stage, chainId: number, signal: AbortSignal): Promise<Oracle> {
  const { url, provider, chain } = await startAnvil(stage, chainId, signal)
  const contracts = compileContracts(join(ROOT, 'test/devnet/contracts'))
  const protocol = await deployProtocol(chain, contracts, REGISTERED)
  let reports = 0
  return {
    name: 'anvil, with contracts that act like those of the protocol',
    url,
    locator: protocol.locator,
    exitBus: protocol.exitBus,
    allowlist: protocol.allowlist,
    async register(operatorId, pubkeys) {
      await protocol.setSigningKeys(operatorId, pubkeys)
      await protocol.finalize()
    },
    async report(...records) {
      reports += 1
      // Both ways of members to sign, and both formats.
      if (reports % 2 === 1) await protocol.reportThroughMember(records, 1)
      else await protocol.reportDirectly(records, 2)
      await protocol.finalize()
    },
    async reportWithUntrusted(...records) {
      await protocol.reportWithUntrusted(records, 1)
      await protocol.finalize()
    },
    async rotate() {
      await protocol.rotate()
      await protocol.finalize()
    },
    close: async () => provider.destroy(),
  }
}

async function onSimulator(chainId: number, name: string): Promise<Oracle> {
  const chain = createExecutionChain({
    chainId: BigInt(chainId),
    quorum: QUORUM,
    secondsPerBlock: 1,
    delegated: [1],
    modules: REGISTERED.modules.map((id) => ({ id, operatorCount: REGISTERED.operators })),
  })
  const allowlist = chain.signerAddresses()
  const untrusted = chain.addMember('untrusted')
  const node = await startExecutionNode({ chain })
  let rotations = 0
  return {
    name,
    url: node.url,
    locator: chain.locator,
    exitBus: chain.exitBus,
    allowlist,
    async register(operatorId, pubkeys) {
      for (const module of chain.modules) module.keys[operatorId] = pubkeys
    },
    async report(...requests) {
      chain.submitReport({ requests })
      chain.finalize()
    },
    async reportWithUntrusted(...requests) {
      chain.submitReport({ requests, signers: [untrusted, 0] })
      chain.finalize()
    },
    async rotate() {
      const [, delegated] = chain.members
      rotations += 1
      const { wallet } = createMember(`rotated ${rotations}`)
      if (delegated !== undefined) chain.members[1] = { ...delegated, wallet }
      chain.finalize()
    },
    close: node.close,
  }
}
