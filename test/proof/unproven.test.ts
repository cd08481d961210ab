import { describe, expect, test } from 'vitest'
import type { ModuleId } from '../../src/lib/primitives.ts'
import { addAnswer, createEvidence } from '../../src/proof/evidence.ts'
import { judge } from '../../src/proof/judge.ts'
import { nextQuestions } from '../../src/proof/questions.ts'
import { proofReasons } from '../../src/proof/reasons.ts'
import { checkSerialized } from '../../src/proof/transaction.ts'
import * as chain from './chain.ts'
import { nodeWith, prove, silentNode } from './node.ts'
import { other, otherLog, report, scene, verdictOf, vote, voteFor, wanted } from './scene.ts'

describe('an unproven request', () => {
  test('is looked up at every cycle, and counts as no error, while an answer is missing', () => {
    const { request, trust, event } = scene({})

    for (const node of [silentNode, nodeWith([])]) {
      expect(prove(request, node, trust)).toMatchObject({
        code: 'answer-missing',
        complete: false,
        again: 'each-cycle',
      })
    }
    const withoutLogs = (lookUp: Parameters<typeof silentNode>[0]) =>
      lookUp.kind === 'logs' ? silentNode(lookUp) : nodeWith([event])(lookUp)
    expect(prove(request, withoutLogs, trust)).toMatchObject({
      code: 'answer-missing',
      actual: 'time-out',
      complete: false,
    })
    const log = chain.consensusReached(chain.hashOf(report), vote.hash)
    expect(prove(request, nodeWith([event], [log]), trust)).toMatchObject({
      code: 'answer-missing',
      expected: `transaction ${vote.hash}`,
      complete: false,
    })
  })

  test('is looked up at every cycle while one node of several does not answer', () => {
    const { request, trust, event } = scene({})
    const nodes = { lagging: nodeWith([event]), dead: silentNode }

    expect(prove(request, nodes, trust)).toMatchObject({
      code: 'no-consensus-log',
      complete: true,
      again: 'each-cycle',
    })
  })

  test('counts as no error when a node gave only part of its logs', () => {
    const { request, trust, event } = scene({})
    const evidence = createEvidence(chain.CHAIN_ID)
    const ask = () => nextQuestions([judge(request, evidence, trust)], evidence, ['node'])
    for (const { lookUp } of ask()) addAnswer(evidence, lookUp, 'node', nodeWith([event])(lookUp))
    for (const _event of ['ConsensusReached', 'ReportReceived']) {
      for (const { lookUp } of ask()) {
        addAnswer(evidence, lookUp, 'node', { ok: true, result: [] })
        addAnswer(evidence, lookUp, 'node', { ok: false, why: 'range too wide' })
      }
    }

    expect(judge(request, evidence, trust)).toMatchObject({
      code: 'answer-missing',
      actual: 'range too wide',
      complete: false,
    })
  })

  test('of another chain is not proven, nor one whose vote is of another chain', () => {
    const { request, trust, node } = scene({})
    const elsewhere = { ...request, chainId: 1n }
    expect(prove(elsewhere, node, trust, createEvidence(chain.CHAIN_ID))).toMatchObject({
      code: 'wrong-chain',
    })

    const data = chain.submitReport(report)
    const foreign = chain.signed('member 1', { chainId: 1, to: chain.CONSENSUS, data })
    const check = checkSerialized(foreign.serialized, foreign.hash, 1n)
    if (!check.ok) throw new Error(check.why)
    const evidence = createEvidence(chain.CHAIN_ID, [check.transaction])
    const { event } = scene({})
    const about = chain.requestOf(wanted, event.hash)
    expect(prove(about, nodeWith([event]), trust, evidence).kind).toBe('unproven')
  })

  test('backs off while the log is missing, since an index may lag', () => {
    expect(verdictOf({ logs: [] })).toMatchObject({ again: 'backing-off', complete: true })
  })

  test('is judged hourly when its signer is not trusted', () => {
    expect(verdictOf({ vote: voteFor(chain.submitReport(report), 'thief') })).toMatchObject({
      again: 'hourly',
      open: [{ event: 'ConsensusReached' }, { event: 'ReportReceived' }],
    })
  })

  test('asks nobody any more when its own signed bytes speak against it', () => {
    expect(verdictOf({ request: { moduleId: 9 as ModuleId } })).toMatchObject({ open: [] })
  })

  test('names the reports that the logs are about', () => {
    expect(verdictOf({ logs: [otherLog(vote.hash)] })).toMatchObject({
      actual: `other reports: ${chain.hashOf(other)}`,
    })
  })

  test.each(['consensusContracts', 'exitBuses'])(
    'counts as no error before any of %s is known',
    (contracts) => {
      expect(verdictOf({ trust: { [contracts]: [] } })).toMatchObject({
        code: 'answer-missing',
        complete: false,
        again: 'each-cycle',
      })
    },
  )

  test('is not proven without a vote by a quorum of nothing', () => {
    for (const quorum of [0, -1, Number.NaN]) {
      expect(verdictOf({ logs: [], trust: { quorum } }).kind).toBe('unproven')
    }
  })
})

test('logs are looked for in the day before the event, and not before block 0', () => {
  const { event, trust } = scene({})
  const check = checkSerialized(event.serialized, event.hash, chain.CHAIN_ID)
  if (!check.ok) throw new Error(check.why)
  const evidence = createEvidence(chain.CHAIN_ID, [check.transaction])
  const at = (blockNumber: number) =>
    judge({ ...chain.requestOf(wanted, event.hash), blockNumber }, evidence, trust)

  expect(at(1_000_000)).toMatchObject({ lookUps: [{ fromBlock: 992_800, toBlock: 1_000_000 }] })
  expect(at(100)).toMatchObject({ lookUps: [{ fromBlock: 0, toBlock: 100 }] })
})

test('every reason has its words', () => {
  for (const [code, { short, long }] of Object.entries(proofReasons)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(short.length).toBeGreaterThan(10)
    expect(long).toMatch(/\.$/)
  }
})
