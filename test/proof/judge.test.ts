import { concat, dataSlice, id } from 'ethers'
import { describe, expect, test } from 'vitest'
import { SELECTORS } from '../../src/execution/abi.ts'
import type { Address, Bytes32, Hex } from '../../src/lib/primitives.ts'
import { createEvidence } from '../../src/proof/evidence.ts'
import { judge } from '../../src/proof/judge.ts'
import { checkSerialized } from '../../src/proof/transaction.ts'
import lido from '../vectors/transactions/lido.json' with { type: 'json' }
import * as chain from './chain.ts'
import { bodyNode, prove } from './node.ts'
import { eventTo, records, report, scene, verdictOf, vote, wanted } from './scene.ts'

const { CONSENSUS, DELEGATE, ELSEWHERE, EXIT_BUS, exitRecord, signed, trustOf } = chain

describe('a genuine report', () => {
  test('is proven, and tells slot, transactions and signers', () => {
    const { request, node, trust, event, vote } = scene({})

    expect(prove(request, node, trust)).toEqual({
      kind: 'proven',
      by: 'report',
      refSlot: 5_300_159n,
      report: chain.hashOf(report),
      transactions: [event.hash, vote.hash],
      signers: [chain.addressOf('member 1')],
      notes: [],
    })
  })

  test('is proven in data format 2', () => {
    expect(verdictOf({ report: chain.reportOf(records, { dataFormat: 2 }) }).kind).toBe('proven')
  })

  test('is proven when a delegate handed it in and another one voted', () => {
    const event = eventTo(DELEGATE, chain.execute(EXIT_BUS, chain.submitReportData(report)))
    const data = chain.execute(CONSENSUS, chain.submitReport(report))

    expect(verdictOf({ event, vote: signed('member 2', { to: DELEGATE, data }) })).toMatchObject({
      kind: 'proven',
      signers: [chain.addressOf('member 2')],
    })
  })

  test.each([0, 1, 3, 4])('is proven by a vote of transaction type %i', (type) => {
    const extra = {
      ...(type === 3 ? { maxFeePerBlobGas: 1, blobVersionedHashes: [id('blob')] } : {}),
      ...(type === 4 ? { authorizationList: [] } : {}),
      ...(type === 0 ? {} : { accessList: [{ address: CONSENSUS, storageKeys: [id('slot')] }] }),
    }
    const data = chain.submitReport(report)
    const cast = signed('member 1', { type, to: CONSENSUS, data, ...extra })

    expect(verdictOf({ vote: cast }).kind).toBe('proven')
  })

  test('is proven although its records are out of order, which is said', () => {
    const disordered = chain.reportOf(records.toReversed())

    expect(verdictOf({ report: disordered })).toMatchObject({
      kind: 'proven',
      notes: ['record 1 of the data is out of order'],
    })
  })

  test('is proven by a vote to a HashConsensus that was replaced since', () => {
    const trust = { consensusContracts: [ELSEWHERE, CONSENSUS] }

    expect(verdictOf({ trust }).kind).toBe('proven')
  })

  test('is proven when the log comes twice', () => {
    const log = chain.consensusReached(chain.hashOf(report), vote.hash)

    expect(verdictOf({ vote, logs: [log, log] })).toMatchObject({
      kind: 'proven',
      transactions: { length: 2 },
    })
  })

  test('keeps its hash when the calldata is encoded in an unusual way', () => {
    const usual = chain.submitReportData(report)
    const word = (at: number) => dataSlice(usual, 4 + at * 32, 4 + at * 32 + 32)
    const shifted = `0x${(0x60).toString(16).padStart(64, '0')}`
    const rest = dataSlice(usual, 4 + 64)
    const unusual = concat([SELECTORS.submitReportData, shifted, word(1), id('gap'), rest])

    expect(verdictOf({ event: eventTo(EXIT_BUS, unusual) }).kind).toBe('proven')
  })

  test('is proven again from stored transactions alone, without any node', () => {
    const { request, trust, event, vote } = scene({})
    const stored = [event, vote].map(({ serialized, hash }) => {
      const check = checkSerialized(serialized, hash, chain.CHAIN_ID)
      if (!check.ok) throw new Error(check.why)
      return check.transaction
    })

    expect(judge(request, createEvidence(chain.CHAIN_ID, stored), trust).kind).toBe('proven')
  })
})

describe('a direct request', () => {
  const data = chain.encodeRecords(records)
  const input = chain.submitExitRequestsData(data)
  const event = eventTo(EXIT_BUS, input)
  const trust = { transactionAllowlist: new Set([event.hash]) }

  test('is proven by its allowlisted hash', () => {
    expect(verdictOf({ event, trust })).toEqual({
      kind: 'proven',
      by: 'direct',
      refSlot: undefined,
      transactions: [event.hash],
      signers: [chain.addressOf('anybody')],
      notes: [],
    })
  })

  test('is proven in data format 2', () => {
    const call = chain.submitExitRequestsData(chain.encodeRecords(records, 2), 2)
    const other = eventTo(EXIT_BUS, call)

    expect(
      verdictOf({ event: other, trust: { transactionAllowlist: new Set([other.hash]) } }).kind,
    ).toBe('proven')
  })

  test('is proven through a Safe, by the hash of the transaction around it', () => {
    const through = eventTo(ELSEWHERE, chain.execTransaction(EXIT_BUS, input))

    expect(
      verdictOf({ event: through, trust: { transactionAllowlist: new Set([through.hash]) } }),
    ).toMatchObject({ kind: 'proven', by: 'direct', transactions: [through.hash] })
    expect(verdictOf({ event: through })).toMatchObject({ code: 'unlisted-transaction' })
  })

  test.each([
    ['wrong-target', 'to another contract', chain.execTransaction(ELSEWHERE, input)],
    ['unknown-call', 'by delegatecall', chain.execTransaction(EXIT_BUS, input, 1)],
    [
      'unknown-call',
      'inside execute',
      chain.execTransaction(EXIT_BUS, chain.execute(EXIT_BUS, input)),
    ],
    [
      'unknown-call',
      'inside another Safe',
      chain.execTransaction(EXIT_BUS, chain.execTransaction(EXIT_BUS, input)),
    ],
    [
      'unknown-call',
      'as a report',
      chain.execTransaction(EXIT_BUS, chain.submitReportData(report)),
    ],
    ['bad-calldata', 'cut off', chain.execTransaction(EXIT_BUS, input).slice(0, -512) as Hex],
  ])('through a Safe is told as %s %s', (code, _how, data) => {
    const through = eventTo(ELSEWHERE, data)
    const transactionAllowlist = new Set([through.hash])

    expect(verdictOf({ event: through, trust: { transactionAllowlist } })).toMatchObject({ code })
  })

  test('is not proven by its signer, be it an oracle member', () => {
    const other = signed('member 1', { to: EXIT_BUS, data: chain.submitExitRequestsData(data) })

    expect(verdictOf({ event: other, trust })).toMatchObject({
      code: 'unlisted-transaction',
      actual: other.hash,
    })
  })

  test('is not proven by other calldata under the allowlisted hash', () => {
    const forged = { ...event.body, input: chain.submitExitRequestsData('0x') }
    const node = bodyNode(new Map([[event.hash, forged]]))

    expect(prove(chain.requestOf(wanted, event.hash), node, trustOf(trust))).toMatchObject({
      code: 'body-mismatch',
      complete: true,
    })
  })

  test('does not name another validator', () => {
    expect(verdictOf({ event, trust, request: exitRecord(4) }).kind).toBe('unproven')
  })
})

describe('transactions of the chain itself', () => {
  const { submitReportData, submitReport, event, ...facts } = lido.report

  test('prove a request of 2023', () => {
    const request = {
      ...chain.requestOf(event as unknown as chain.ExitRecord, submitReportData.hash as Bytes32),
      chainId: 5n,
      exitBus: facts.exitBus as Address,
      blockNumber: Number(event.blockNumber),
    }
    const bodies = new Map<Bytes32, unknown>(
      [submitReportData, submitReport].map((body) => [body.hash as Bytes32, body]),
    )
    const trust = trustOf({
      chainId: 5n,
      exitBuses: [request.exitBus],
      consensusContracts: [facts.consensus as Address],
      allowlist: new Set([facts.signer as Address]),
    })

    expect(prove(request, bodyNode(bodies, [facts.consensusReached]), trust)).toMatchObject({
      kind: 'proven',
      refSlot: 0x50dfbfn,
      signers: [facts.signer],
    })
  })

  test('prove a direct request of 2025', () => {
    const { submitExitRequestsData: body, event, exitBus } = lido.direct
    const hash = body.hash as Bytes32
    const request = {
      ...chain.requestOf(event as unknown as chain.ExitRecord, hash),
      exitBus: exitBus as Address,
    }
    const trust = trustOf({ exitBuses: [request.exitBus], transactionAllowlist: new Set([hash]) })

    expect(prove(request, bodyNode(new Map([[hash, body]])), trust).kind).toBe('proven')
  })
})
