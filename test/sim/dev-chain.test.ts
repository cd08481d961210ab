import { afterEach, expect, test } from 'vitest'
import { type DevChain, startDevChain } from './dev-chain.ts'

let dev: DevChain
afterEach(() => dev.close())

test('what the protocol asks for is what the registry holds', async () => {
  dev = await startDevChain({ executionNodes: [{}, { lag: 3 }], beacon: { autoInclude: true } })
  const report = dev.requestExits([4, 2], { moduleId: 3, operatorId: 7, format: 2 })
  const [first] = report.requests
  expect(first).toMatchObject({ validatorIndex: 2, pubkey: dev.beacon.pubkey(2), operatorId: 7 })
  expect(dev.execution.finalized).toBe(report.dataTransaction.blockNumber)
  expect(dev.executionUrl.split(',')).toHaveLength(2)

  const answer = await fetch(`${dev.beaconUrl}/eth/v1/beacon/pool/voluntary_exits`, {
    method: 'POST',
    body: JSON.stringify(dev.beacon.signExit(2)),
  })
  expect(answer.status).toBe(200)
  expect(dev.beacon.exitedIndices()).toEqual([2])
})
