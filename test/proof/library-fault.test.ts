import { SigningKey } from 'ethers'
import { afterEach, expect, test, vi } from 'vitest'
import { exitBusAbi } from '../../src/execution/abi.ts'
import { addAnswer, createEvidence } from '../../src/proof/evidence.ts'
import { judge } from '../../src/proof/judge.ts'
import { transactionLookUp } from '../../src/proof/look-up.ts'
import * as chain from './chain.ts'
import { report, scene } from './scene.ts'

afterEach(() => vi.restoreAllMocks())
const fail = () => {
  throw new RangeError('out of memory')
}

const { request, trust, event } = scene({})
const lookUp = transactionLookUp(event.hash)
const answer = { ok: true, result: event.body } as const

test('a library that fails while a signature is checked gives no verdict on the transaction', () => {
  const evidence = createEvidence(chain.CHAIN_ID)
  vi.spyOn(SigningKey, 'recoverPublicKey').mockImplementation(fail)
  expect(() => addAnswer(evidence, lookUp, 'node', answer)).toThrow('out of memory')
  vi.restoreAllMocks()

  expect(evidence.lasting.size).toBe(0)
  addAnswer(evidence, lookUp, 'node', answer)
  expect(evidence.transactions.has(event.hash)).toBe(true)
})

test('a library that fails while calldata is decoded gives no verdict on the request', () => {
  const evidence = createEvidence(chain.CHAIN_ID)
  vi.spyOn(exitBusAbi, 'decodeFunctionData').mockImplementation(fail)
  expect(() => addAnswer(evidence, lookUp, 'node', answer)).toThrow('out of memory')
  vi.restoreAllMocks()
  addAnswer(evidence, lookUp, 'node', answer)

  expect(judge(request, evidence, trust)).toMatchObject({
    kind: 'needs',
    lookUps: [{ event: 'ConsensusReached', report: chain.hashOf(report) }],
  })
})
