import { id } from 'ethers'
import { describe, expect, test } from 'vitest'
import type { Trust } from '../../src/proof/judge.ts'
import * as chain from './chain.ts'
import { nodeWith, prove } from './node.ts'
import { report, scene } from './scene.ts'

const hash = chain.hashOf(report)
const voteOf = (who: string) =>
  chain.signed(who, { to: chain.CONSENSUS, data: chain.submitReport(report) })
const first = voteOf('member 1')
const second = voteOf('member 2')
const again = voteOf('member 1')
const stranger = voteOf('thief')
const received = (vote: chain.Signed) => chain.reportReceived(hash, vote.from, vote.hash)
const reached = chain.consensusReached(hash, first.hash)
const { request, event } = scene({})

const verdictOf = (
  quorum: number,
  votes: readonly chain.Signed[],
  logs: readonly chain.RawLog[],
  trust: Partial<Trust> = {},
) => prove(request, nodeWith([event, ...votes], logs), chain.trustOf({ quorum, ...trust }))

describe('a quorum above 1', () => {
  test('is met by distinct members, whose votes other logs lead to', () => {
    const logs = [reached, received(first), received(second)]

    expect(verdictOf(2, [first, second], logs)).toMatchObject({
      kind: 'proven',
      transactions: [event.hash, first.hash, second.hash],
      signers: [first.from, second.from],
    })
  })

  test('counts a member that votes through a delegate', () => {
    const data = chain.execute(chain.CONSENSUS, chain.submitReport(report))
    const delegated = chain.signed('member 3', { to: chain.DELEGATE, data })

    expect(verdictOf(2, [first, delegated], [reached, received(delegated)]).kind).toBe('proven')
  })

  test.each([
    ['the vote of a single member', [first], [reached]],
    ['one member’s vote, logged twice', [first], [reached, received(first), received(first)]],
    ['two votes of one member', [first, again], [reached, received(first), received(again)]],
    ['a stranger’s vote beside one member’s', [first, stranger], [reached, received(stranger)]],
  ])('is not met by %s', (_name, votes, logs) => {
    expect(verdictOf(2, votes, logs)).toMatchObject({
      kind: 'unproven',
      code: 'quorum-missing',
      expected: '2 allowlisted signers',
      actual: `1: ${first.from}`,
      complete: true,
      again: 'backing-off',
    })
  })

  test('does not believe whom a log names as the member', () => {
    const log = chain.reportReceived(hash, second.from, stranger.hash)

    expect(verdictOf(2, [first, stranger], [reached, log])).toMatchObject({
      code: 'quorum-missing',
    })
  })

  test('does not count a vote for another report', () => {
    const other = chain.signed('member 2', {
      to: chain.CONSENSUS,
      data: chain.submitReport(chain.reportOf([chain.exitRecord(5)])),
    })

    expect(verdictOf(2, [first, other], [reached, received(other)])).toMatchObject({
      code: 'quorum-missing',
    })
  })

  test('looks further while no ConsensusReached log is there', () => {
    expect(verdictOf(2, [first], [received(first)])).toMatchObject({
      code: 'no-consensus-log',
      again: 'backing-off',
    })
  })

  test('waits for a vote that no node gives', () => {
    expect(verdictOf(2, [first], [reached, received(second)])).toMatchObject({
      code: 'answer-missing',
      complete: false,
    })
  })
})

describe('a quorum of 1', () => {
  test('asks for no further logs where ConsensusReached leads to a trusted vote', () => {
    const asked: string[] = []
    const node = nodeWith([event, first], [reached, received(first)])
    prove(
      request,
      (lookUp) => {
        asked.push(lookUp.kind === 'logs' ? lookUp.event : 'transaction')
        return node(lookUp)
      },
      chain.trustOf(),
    )

    expect(asked).toEqual(['transaction', 'ConsensusReached', 'transaction'])
  })

  test('is met by a vote that ReportReceived leads to, where an unlisted one came last', () => {
    const logs = [
      received(first),
      received(second),
      received(stranger),
      chain.consensusReached(hash, stranger.hash),
    ]

    expect(verdictOf(1, [first, second, stranger], logs)).toMatchObject({
      kind: 'proven',
      signers: [second.from, first.from],
    })
  })

  test.each([
    ['setQuorum', id('setQuorum(uint256)').slice(0, 10)],
    ['removeMember', id('removeMember(address,uint256)').slice(0, 10)],
  ])('is met although ConsensusReached came out of %s', (_name, selector) => {
    const data = `${selector}${'0'.repeat(128)}`
    const admin = chain.signed('admin', { to: chain.CONSENSUS, data })
    const logs = [received(first), chain.consensusReached(hash, admin.hash)]

    expect(verdictOf(1, [first, admin], logs)).toMatchObject({
      kind: 'proven',
      signers: [first.from],
    })
    expect(verdictOf(2, [first, second, admin], [...logs, received(second)]).kind).toBe('proven')
  })

  test('is met without any ConsensusReached log, which nodes may leave out', () => {
    expect(verdictOf(1, [first], [received(first)]).kind).toBe('proven')
  })

  test('names an unlisted voter although no ConsensusReached log is there yet', () => {
    expect(verdictOf(1, [stranger], [received(stranger)])).toMatchObject({
      code: 'unlisted-signer',
      actual: stranger.from,
      again: 'backing-off',
    })
  })

  test('is met by any member’s vote, be it one among forged ones', () => {
    const forged = chain.consensusReached(hash, stranger.hash)

    for (const logs of [
      [forged, reached],
      [reached, forged],
    ]) {
      expect(verdictOf(1, [first, stranger], logs)).toMatchObject({
        kind: 'proven',
        signers: [first.from],
      })
    }
  })

  test('names an unlisted signer although another vote is not to be had', () => {
    const logs = [stranger, second].map((vote) => chain.consensusReached(hash, vote.hash))

    expect(verdictOf(1, [stranger], logs)).toMatchObject({
      code: 'unlisted-signer',
      actual: stranger.from,
      complete: false,
      again: 'each-cycle',
    })
  })

  test('names every unlisted signer that it found', () => {
    const another = voteOf('another thief')
    const logs = [stranger, another].map((vote) => chain.consensusReached(hash, vote.hash))
    const verdict = verdictOf(1, [stranger, another], logs)

    expect(verdict).toMatchObject({
      code: 'unlisted-signer',
      actual: expect.stringContaining(stranger.from),
    })
    expect(verdict).toMatchObject({ actual: expect.stringContaining(another.from) })
  })
})
