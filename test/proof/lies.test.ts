import { concat, id } from 'ethers'
import { describe, expect, test } from 'vitest'
import { SELECTORS, TOPICS } from '../../src/execution/abi.ts'
import type { Address, Bytes32, Hex } from '../../src/lib/primitives.ts'
import { createEvidence } from '../../src/proof/evidence.ts'
import type { proofReasons } from '../../src/proof/reasons.ts'
import * as chain from './chain.ts'
import { bodyNode, prove } from './node.ts'
import {
  eventTo,
  other,
  otherLog,
  type Parts,
  records,
  report,
  scene,
  vote,
  voteFor,
} from './scene.ts'

const { CONSENSUS, DELEGATE, ELSEWHERE, EXIT_BUS, exitRecord, signed } = chain

describe('a lie is told by its reason:', () => {
  const hash = chain.hashOf(report)
  const otherVote = voteFor(chain.submitReport(other))
  const nested = (target: Address, inner: Hex) =>
    chain.execute(DELEGATE, chain.execute(target, inner))
  const data = chain.submitReportData(report)
  const broken = (changes: Partial<chain.Report>) => ({
    report: chain.reportOf(records, changes),
  })
  const logged = (changes: chain.RawLog) => ({
    vote,
    logs: [chain.consensusReached(hash, vote.hash, changes)],
  })
  const noChainId = { type: 0, chainId: 0, to: CONSENSUS, data: chain.submitReport(report) }

  test.each<[keyof typeof proofReasons, string, Parts]>([
    ['unlisted-signer', 'a stranger voted', { vote: voteFor(chain.submitReport(report), 'thief') }],
    [
      'other-report',
      'a member voted for another report',
      { vote: otherVote, logs: [chain.consensusReached(hash, otherVote.hash)] },
    ],
    ['record-missing', 'the public key is absent', { request: { pubkey: exitRecord(4).pubkey } }],
    [
      'record-differs',
      'another index',
      { request: { validatorIndex: exitRecord(4).validatorIndex } },
    ],
    ['record-differs', 'another operator', { request: exitRecord(2, { operatorId: 8 }) }],
    ['record-differs', 'another module', { request: exitRecord(2, { moduleId: 2 }) }],
    [
      'record-missing',
      'the public key straddles two records',
      { request: { pubkey: `0x${report.data.slice(2 + 96, 2 + 192)}` as never } },
    ],
    ['data-length', 'truncated data', broken({ data: report.data.slice(0, -2) as Hex })],
    ['data-length', 'over-long data', broken({ data: `${report.data}00` })],
    ['unsupported', 'an unknown data format', broken({ dataFormat: 3 })],
    ['data-length', 'format 1 sold as format 2', broken({ dataFormat: 2, data: report.data })],
    ['requests-count', 'too few requests counted', broken({ requestsCount: 2 })],
    ['requests-count', 'too many requests counted', broken({ requestsCount: 4 })],
    ['no-consensus-log', 'no log', { logs: [] }],
    ['no-consensus-log', 'a log of another hash', { logs: [otherLog(vote.hash)] }],
    ['no-consensus-log', 'a log of another contract', logged({ address: ELSEWHERE })],
    ['no-consensus-log', 'a log of a later block', logged({ blockNumber: '0xf4241' })],
    ['no-consensus-log', 'a log of an earlier block', logged({ blockNumber: '0xd861f' })],
    ['no-consensus-log', 'a removed log', logged({ removed: true })],
    [
      'no-consensus-log',
      'a log of another event',
      logged({ topics: [TOPICS.reportReceived, id('slot')] }),
    ],
    [
      'no-consensus-log',
      'a log with a topic too many',
      logged({ topics: [TOPICS.consensusReached, hash, hash] }),
    ],
    ['no-consensus-log', 'a log with cut data', logged({ data: hash })],
    ['no-consensus-log', 'a log without a transaction', logged({ transactionHash: null })],
    ['wrong-target', 'handed in elsewhere', { event: eventTo(ELSEWHERE, data) }],
    ['wrong-target', 'handed in to no contract', { event: eventTo(null, data) }],
    [
      'wrong-target',
      'executed elsewhere',
      { event: eventTo(DELEGATE, chain.execute(ELSEWHERE, data)) },
    ],
    ['nested-execute', 'execute in execute', { event: eventTo(DELEGATE, nested(EXIT_BUS, data)) }],
    [
      'unknown-call',
      'an unknown selector',
      { event: eventTo(EXIT_BUS, `0x12345678${data.slice(10)}`) },
    ],
    ['unknown-call', 'no calldata', { event: eventTo(EXIT_BUS, '0x') }],
    ['unknown-call', 'a vote in the place of a report', { event: vote }],
    ['bad-calldata', 'cut calldata', { event: eventTo(EXIT_BUS, data.slice(0, -64)) }],
    ['bad-calldata', 'a selector alone', { event: eventTo(EXIT_BUS, SELECTORS.submitReportData) }],
    [
      'bad-calldata',
      'a cut direct request',
      { event: eventTo(EXIT_BUS, SELECTORS.submitExitRequestsData) },
    ],
    ['bad-calldata', 'a cut execute', { event: eventTo(DELEGATE, SELECTORS.execute) }],
    [
      'bad-calldata',
      'an execute with more than an address',
      { event: eventTo(DELEGATE, concat([SELECTORS.execute, id('dirty'), id('offset')])) },
    ],
    [
      'wrong-target',
      'a vote elsewhere',
      { vote: signed('member 1', { to: ELSEWHERE, data: chain.submitReport(report) }) },
    ],
    [
      'wrong-target',
      'a vote executed elsewhere',
      {
        vote: signed('member 1', {
          to: DELEGATE,
          data: chain.execute(ELSEWHERE, chain.submitReport(report)),
        }),
      },
    ],
    [
      'nested-execute',
      'a vote in execute in execute',
      {
        vote: signed('member 1', {
          to: DELEGATE,
          data: nested(CONSENSUS, chain.submitReport(report)),
        }),
      },
    ],
    [
      'bad-calldata',
      'a cut vote',
      { vote: voteFor(chain.submitReport(report).slice(0, -2) as Hex) },
    ],
    ['unknown-call', 'a member called something else', { vote: voteFor('0x12345678') }],
    ['unknown-call', 'a report in the place of a vote', { vote: voteFor(data) }],
    ['bad-signature', 'a vote with a high s', { vote: chain.withHighS(vote) }],
    ['no-chain-id', 'a vote without a chain id', { vote: signed('member 1', noChainId) }],
    [
      'wrong-chain',
      'a vote of another chain',
      {
        vote: signed('member 1', { chainId: 1, to: CONSENSUS, data: chain.submitReport(report) }),
      },
    ],
    [
      'wrong-chain',
      'a report of another chain',
      { event: signed('anybody', { chainId: 1, to: EXIT_BUS, data }) },
    ],
    ['unlisted-signer', 'an empty allowlist', { trust: { allowlist: new Set() } }],
    ['unknown-contract', 'an event of another contract', { trust: { exitBuses: [ELSEWHERE] } }],
    ['wrong-chain', 'a request of another chain', { trust: { chainId: 1n } }],
  ])('%s when %s', (code, _lie, parts) => {
    const { request, node, trust } = scene(parts)
    const verdict = prove(request, node, trust, createEvidence(chain.CHAIN_ID))

    expect(verdict).toMatchObject({ kind: 'unproven', code, complete: true })
    if (verdict.kind !== 'unproven') return
    expect(verdict.expected).not.toBe('')
    expect(verdict.actual).not.toBe('')
  })

  test.each(['to', 'input', 'value', 'nonce', 'accessList', 'gas', 's'])(
    'body-mismatch when %s is swapped under the asked hash',
    (field) => {
      const { request, event, vote, trust } = scene({})
      const swapped = field === 'to' ? ELSEWHERE : '0x11'
      const changed = field === 'accessList' ? [{ address: ELSEWHERE, storageKeys: [] }] : swapped
      for (const lie of [event, vote]) {
        const bodies = new Map([event, vote].map(({ hash, body }) => [hash, body]))
        bodies.set(lie.hash, { ...lie.body, [field]: changed })
        const logs = [chain.consensusReached(hash, vote.hash)]

        expect(prove(request, bodyNode(bodies, logs), trust)).toMatchObject({
          kind: 'unproven',
          code: 'body-mismatch',
          complete: true,
        })
      }
    },
  )

  test('unlisted-signer although the answer names a member as its sender', () => {
    const { request, event, trust } = scene({})
    const forged = voteFor(chain.submitReport(report), 'thief')
    const body = { ...forged.body, from: chain.addressOf('member 1') }
    const bodies = new Map<Bytes32, unknown>([
      [event.hash, event.body],
      [forged.hash, body],
    ])
    const logs = [chain.consensusReached(hash, forged.hash)]

    expect(prove(request, bodyNode(bodies, logs), trust)).toMatchObject({
      code: 'unlisted-signer',
      actual: chain.addressOf('thief'),
    })
  })

  test('unsupported when the transaction is of a type that nobody knows', () => {
    const { request, event, trust } = scene({})
    const node = bodyNode(new Map([[event.hash, { ...event.body, type: '0x7' }]]))

    expect(prove(request, node, trust)).toMatchObject({
      code: 'unsupported',
      complete: true,
      again: 'hourly',
    })
  })
})
