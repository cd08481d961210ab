import { expect, onTestFinished, test } from 'vitest'
import { createNodes } from '../../src/app/nodes.ts'
import type { CommonConfig } from '../../src/config.ts'
import type { Metrics } from '../../src/observe/metrics.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { startBeaconNode } from '../sim/beacon-node.ts'

test('a node that went down has no say in which epoch it is', async () => {
  const chain = createBeaconChain({ validators: 1 })
  const nodes = [await startBeaconNode({ chain }), await startBeaconNode({ chain })] as const
  onTestFinished(async () => {
    for (const node of nodes) await node.close()
  })
  const config = {
    executionNodes: [],
    consensusNodes: nodes.map(({ url }) => url),
    nodeHeaders: new Map(),
    validatorsBatchSize: 1_000,
  } as unknown as CommonConfig
  const metrics = { observeConsensusRequest: () => {} } as unknown as Metrics
  const { consensus, headSlots } = createNodes(config, metrics, 1_000)
  const { signal } = new AbortController()

  expect(headSlots()).toEqual([])
  await consensus.check(signal)
  const before = BigInt(chain.slot)
  expect(headSlots()).toEqual([before, before])

  nodes[1].faults.add({ kind: 'reset' })
  chain.advance(900)
  await consensus.check(signal)
  expect(headSlots()).toEqual([BigInt(chain.slot)])
})
