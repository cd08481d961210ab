import { id } from 'ethers'
import { describe, expect, test } from 'vitest'
import type { Bytes32 } from '../../src/lib/primitives.ts'
import { addAnswer, createEvidence, type Evidence } from '../../src/proof/evidence.ts'
import { judge } from '../../src/proof/judge.ts'
import type { LookUp } from '../../src/proof/look-up.ts'
import { nextQuestions } from '../../src/proof/questions.ts'
import * as chain from './chain.ts'
import { bodyNode, type Node, nodeWith, prove, silentNode } from './node.ts'
import { otherLog, report, scene, vote, wanted } from './scene.ts'

const genuine = scene({ vote })
const { request, trust, event, node: honest } = genuine
const hash = chain.hashOf(report)
const thiefVote = chain.signed('thief', { to: chain.CONSENSUS, data: chain.submitReport(report) })
const forgedLog = chain.consensusReached(hash, thiefVote.hash)
const madeUp = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    chain.consensusReached(hash, id(`made up ${at}`) as Bytes32),
  )
const swapped = new Map<Bytes32, unknown>(
  [event, vote, thiefVote].map((transaction) => [
    transaction.hash,
    { ...transaction.body, value: '0x5' },
  ]),
)

const liars: readonly (readonly [string, Node])[] = [
  ['says nothing', silentNode],
  ['knows no transaction and no log', nodeWith([])],
  ['leaves the log out', nodeWith([event, vote])],
  ['gives a log of another report', nodeWith([event, vote], [otherLog(vote.hash)])],
  ['gives a stranger’s vote', nodeWith([event, thiefVote], [forgedLog])],
  ['swaps every body', bodyNode(swapped, [forgedLog])],
  ['names a thousand transactions that nobody knows', nodeWith([event], madeUp(1_000))],
  ['gives texts instead of anything', () => ({ ok: true, result: 'no' })],
  ['gives lists instead of anything', () => ({ ok: true, result: [null, 7, {}, []] })],
]

describe.each(liars)('beside a node that %s', (_lie, liar) => {
  test.each([
    ['first', { liar, honest }],
    ['last', { honest, liar }],
  ])('an honest one proves the genuine request when the liar is asked %s', (_order, nodes) => {
    expect(prove(request, nodes, trust).kind).toBe('proven')
  })

  test('an honest one does not prove what was not asked for', () => {
    const forged = chain.requestOf(chain.exitRecord(77), event.hash)

    expect(prove(forged, { liar, honest }, trust).kind).toBe('unproven')
  })

  test('alone, the liar proves nothing', () => {
    expect(prove(request, liar, trust).kind).toBe('unproven')
  })

  test('what was proven stays proven, whatever the liar adds', () => {
    const evidence = createEvidence(chain.CHAIN_ID)
    prove(request, honest, trust, evidence)
    for (const lookUp of [...lookUpsOf(evidence), ...lookUpsOf(shown(liar))]) {
      addAnswer(evidence, lookUp, 'liar', liar(lookUp))

      expect(judge(request, evidence, trust).kind).toBe('proven')
    }
  })
})

/** What a request makes the daemon ask this node. */
function shown(node: Node): Evidence {
  const evidence = createEvidence(chain.CHAIN_ID)
  prove(request, node, trust, evidence)
  return evidence
}

const lookUps = new Map<string, LookUp>()
const remember =
  (node: Node): Node =>
  (lookUp) => {
    lookUps.set(lookUp.id, lookUp)
    return node(lookUp)
  }
for (const [, liar] of liars)
  prove(request, { liar: remember(liar), honest: remember(honest) }, trust)
const lookUpsOf = (evidence: Evidence) =>
  [...evidence.lookUps.keys()].flatMap((key) => lookUps.get(key) ?? [])

test('in any order of any answers, no answer takes a proof away', () => {
  const nodes = Object.fromEntries([...liars, ['honest', honest] as const])
  const cast = Object.entries(nodes).flatMap(([name, node]) =>
    [...lookUps.values()].slice(0, 40).map((lookUp) => ({ name, node, lookUp })),
  )
  for (let seed = 0; seed < 20; seed += 1) {
    const order = cast
      .map((entry, at) => ({ entry, rank: id(`${seed} ${at}`) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    const evidence = createEvidence(chain.CHAIN_ID)
    let proven = false
    for (const { entry } of order) {
      addAnswer(evidence, entry.lookUp, entry.name, entry.node(entry.lookUp))
      const isProven = judge(request, evidence, trust).kind === 'proven'
      expect(isProven || !proven).toBe(true)
      proven = isProven
    }
    expect(proven).toBe(true)
  }
})

describe('work that a liar can cause', () => {
  test('is bounded, and does not come before the honest vote', () => {
    const asked: LookUp[] = []
    const counting =
      (node: Node): Node =>
      (lookUp) => {
        asked.push(lookUp)
        return node(lookUp)
      }
    const liar = counting(nodeWith([event], madeUp(20_000)))

    expect(prove(request, liar, trust)).toMatchObject({ code: 'answer-missing' })
    expect(asked).toHaveLength(1 + 1 + 8 + 1)

    const evidence = createEvidence(chain.CHAIN_ID)
    for (const lookUp of asked.slice(0, 2)) {
      addAnswer(evidence, lookUp, 'liar', liar(lookUp))
      addAnswer(evidence, lookUp, 'honest', honest(lookUp))
    }
    expect(judge(request, evidence, trust)).toMatchObject({
      kind: 'needs',
      lookUps: expect.arrayContaining([expect.objectContaining({ hash: vote.hash })]),
    })
  })

  test('of one node does not crowd out its own newest log', () => {
    const logs = [...madeUp(500), chain.consensusReached(hash, vote.hash)]

    expect(prove(request, nodeWith([event, vote], logs), trust).kind).toBe('proven')
  })
})

describe('questions', () => {
  test('go to one node after the other, and only where a request is still unproven', () => {
    const evidence = createEvidence(chain.CHAIN_ID)
    const ask = () => nextQuestions([judge(request, evidence, trust)], evidence, ['a', 'b'])
    const [first] = ask()
    if (first === undefined) throw new Error('no question')

    expect(first).toMatchObject({ node: 'a', lookUp: { hash: event.hash } })
    addAnswer(evidence, first.lookUp, 'a', { ok: true, result: null })
    const [second] = ask()
    expect(second).toMatchObject({ node: 'b', lookUp: { hash: event.hash } })
    addAnswer(evidence, first.lookUp, 'b', honest(first.lookUp))
    expect(ask()).toMatchObject([{ node: 'a', lookUp: { kind: 'logs' } }])
  })

  test('end once every node was asked', () => {
    const evidence = createEvidence(chain.CHAIN_ID)
    const verdict = prove(request, { a: silentNode, b: nodeWith([]) }, trust, evidence)

    expect(nextQuestions([verdict], evidence, ['a', 'b'])).toEqual([])
    expect(nextQuestions([verdict], evidence, ['a', 'b', 'c'])).toHaveLength(1)
  })

  test('are asked again of the next node while a body does not fit, which is told as a fault', () => {
    const evidence = createEvidence(chain.CHAIN_ID)
    const [question] = nextQuestions([judge(request, evidence, trust)], evidence, ['a'])
    if (question === undefined) throw new Error('no question')
    const body = { ...event.body, nonce: '0x1' }

    expect(addAnswer(evidence, question.lookUp, 'a', { ok: true, result: body })).toMatchObject({
      fault: 'hash-mismatch',
    })
    expect(nextQuestions([judge(request, evidence, trust)], evidence, ['a', 'b'])).toMatchObject([
      { node: 'b' },
    ])
  })
})

test('a fault of the signed bytes is no fault of the node that gave them', () => {
  const evidence = createEvidence(chain.CHAIN_ID)
  const foreign = chain.signed('anybody', { chainId: 1 })
  const [lookUp] = lookUpsFor(foreign.hash)
  if (lookUp === undefined) throw new Error('no look-up')

  expect(addAnswer(evidence, lookUp, 'a', { ok: true, result: foreign.body })).toBeUndefined()
})

test('votes are fetched a few at once', () => {
  const evidence = createEvidence(chain.CHAIN_ID)
  const wary = { ...trust, quorum: 2 }
  const logs = madeUp(64).map(({ transactionHash }) =>
    chain.reportReceived(hash, chain.addressOf('member 1'), transactionHash as Bytes32),
  )
  for (let round = 0; round < 2; round += 1) {
    for (const { lookUp } of nextQuestions([judge(request, evidence, wary)], evidence, ['node'])) {
      addAnswer(evidence, lookUp, 'node', nodeWith([event], logs)(lookUp))
    }
  }

  expect(nextQuestions([judge(request, evidence, wary)], evidence, ['node'])).toHaveLength(16)
})

function lookUpsFor(transactionHash: Bytes32): readonly LookUp[] {
  const about = chain.requestOf(wanted, transactionHash)
  const verdict = judge(about, createEvidence(chain.CHAIN_ID), trust)
  return verdict.kind === 'needs' ? verdict.lookUps : []
}

test('a thousand requests of one report cost the look-ups of one', () => {
  const records = Array.from({ length: 1_000 }, (_, number) => chain.exitRecord(number))
  const large = scene({ report: chain.reportOf(records) })
  const requests = records.map((record) => chain.requestOf(record, large.event.hash))
  const evidence = createEvidence(chain.CHAIN_ID)
  let asked = 0
  const judged = () => requests.map((each) => judge(each, evidence, large.trust))
  for (let round = 0; round < 3; round += 1) {
    for (const { lookUp, node } of nextQuestions(judged(), evidence, ['node'])) {
      asked += 1
      addAnswer(evidence, lookUp, node, large.node(lookUp))
    }
  }

  expect(judged().every(({ kind }) => kind === 'proven')).toBe(true)
  expect(asked).toBe(3)
  expect(judge(chain.requestOf(wanted, large.event.hash), evidence, large.trust).kind).toBe(
    'proven',
  )
})

test('a thousand genuine requests among a thousand forged ones: exactly the genuine are proven', () => {
  const records = Array.from({ length: 1_000 }, (_, number) => chain.exitRecord(number))
  const large = scene({ report: chain.reportOf(records) })
  const evidence = createEvidence(chain.CHAIN_ID)
  const provenOf = (from: number) =>
    Array.from({ length: 1_000 }, (_, at) =>
      prove(
        chain.requestOf(chain.exitRecord(from + at), large.event.hash),
        large.node,
        large.trust,
        evidence,
      ),
    ).filter(({ kind }) => kind === 'proven').length

  expect([provenOf(0), provenOf(1_000)]).toEqual([1_000, 0])
})
