import type { SimExitRequest } from './abi.ts'
import { type BeaconChainOptions, createBeaconChain } from './beacon-chain.ts'
import { type BeaconNodeSettings, startBeaconNode } from './beacon-node.ts'
import { createExecutionChain, type ExecutionChainOptions } from './execution-chain.ts'
import { type ExecutionNodeSettings, startExecutionNode } from './execution-node.ts'
import type { ReportOptions } from './reports.ts'

export type DevChainOptions = {
  readonly execution?: ExecutionChainOptions
  readonly beacon?: BeaconChainOptions
  /** One node for each entry; one plain node by default. */
  readonly executionNodes?: readonly Partial<ExecutionNodeSettings>[]
  readonly beaconNodes?: readonly Partial<BeaconNodeSettings>[]
}

/** Both layers of one network with their nodes, as most tests want them. */
export async function startDevChain(options: DevChainOptions = {}) {
  const execution = createExecutionChain(options.execution)
  const beacon = createBeaconChain({ chainId: execution.chainId, ...options.beacon })
  const executionNodes = await Promise.all(
    (options.executionNodes ?? [{}]).map((one) => startExecutionNode({ chain: execution, ...one })),
  )
  const beaconNodes = await Promise.all(
    (options.beaconNodes ?? [{}]).map((one) => startBeaconNode({ chain: beacon, ...one })),
  )

  const requestFor = (index: number, moduleId = 1, operatorId = 1): SimExitRequest => ({
    moduleId,
    operatorId,
    validatorIndex: index,
    pubkey: beacon.pubkey(index),
  })

  return {
    execution,
    beacon,
    executionNodes,
    beaconNodes,
    /** Comma-separated, as the environment takes them. */
    executionUrl: executionNodes.map(({ url }) => url).join(),
    beaconUrl: beaconNodes.map(({ url }) => url).join(),
    requestFor,
    /** The protocol asks for these validators, in a report that is finalized at once. */
    requestExits(
      indices: readonly number[],
      more: Partial<ReportOptions> & { moduleId?: number; operatorId?: number } = {},
    ) {
      const { moduleId, operatorId, ...report } = more
      const requests = indices.map((index) => requestFor(index, moduleId, operatorId))
      const submitted = execution.submitReport({ requests, ...report })
      execution.finalize()
      return submitted
    },
    async close() {
      await Promise.all([...executionNodes, ...beaconNodes].map((node) => node.close()))
    },
  }
}
export type DevChain = Awaited<ReturnType<typeof startDevChain>>
