import { expect, test } from 'vitest'
import { createProver } from '../../src/proof/prover.ts'
import type { ExitRequest } from '../../src/requests/exit-request.ts'
import { noFacts } from '../../src/requests/facts.ts'
import { requestOf } from '../journal/support.ts'

const never = new AbortController().signal

test('a request that breaks the judge costs no other one its verdict, and is told once', async () => {
  const said: string[] = []
  const say = (message: string) => said.push(message)
  const broken: ExitRequest = {
    ...requestOf(2),
    get chainId(): bigint {
      throw new Error('boom')
    },
  }
  const prove = createProver({
    chainId: 1n,
    trust: { allowlist: new Set(), quorum: 1, transactionAllowlist: new Set() },
    journal: { facts: noFacts(), append: () => {} },
    log: { error: say, warn: say, info: say, debug: say },
    now: () => 0,
    countVerification: () => {},
    allNodesAnswer: () => true,
    nodes: () => ['node'],
    ask: async () => [],
    mode: 'oracle',
    finality: undefined,
  })
  const requests = [broken, requestOf(1)]
  for (let cycle = 0; cycle < 3; cycle += 1) {
    const proofs = await prove(requests, never)
    expect(proofs.statusOf(requestOf(1).key)).toBe('unproven')
    expect(proofs.statusOf(broken.key)).toBe('none')
  }
  expect(said.filter((line) => line.includes('cannot be judged'))).toHaveLength(1)
})
