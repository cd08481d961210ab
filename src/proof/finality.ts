import { isExitEvent } from '../execution/exit-log.ts'
import type { Address } from '../lib/primitives.ts'
import type { ExitRequest } from '../requests/exit-request.ts'
import type { Evidence, FinalPayload } from './evidence.ts'
import { type FinalBlock, type Lack, type ProofVerdict, refused } from './judge.ts'
import { blockLookUp, receiptsLookUp } from './look-up.ts'
import { objectToSilence } from './objection.ts'

/** What makes an event genuine by itself: the contract, and the times of the beacon chain. */
export type FinalityTrust = {
  readonly chainId: bigint
  /** EXIT_BUS_ADDRESS, or that of a known network: never one that a node names. */
  readonly exitBus: Address
  /** Unix seconds. */
  readonly genesisTime: number
  readonly secondsPerSlot: number
}

/**
 * Judges whether a finalized block holds this event: the consensus nodes name block and root of
 * the receipts, and the receipts, from whichever node, have that root or not.
 *
 * An execution node alone cannot deceive it, nor a consensus node alone; both together can.
 */
export function judgeFinality(
  counting: ExitRequest,
  evidence: Evidence,
  trust: FinalityTrust,
): ProofVerdict {
  const request = { ...counting, ...counting.logged }
  if (request.chainId !== trust.chainId) {
    return refused('wrong-chain', `chain ${trust.chainId}`, `chain ${request.chainId}`)
  }
  if (request.exitBus !== trust.exitBus) {
    return refused('unknown-contract', `exit bus ${trust.exitBus}`, request.exitBus)
  }
  const slot = (request.timestamp - trust.genesisTime) / trust.secondsPerSlot
  if (!Number.isInteger(slot) || slot < 0) {
    return refused('no-slot', 'the time of a slot', `Unix time ${request.timestamp}`)
  }
  const lookUp = blockLookUp(slot)
  const state = evidence.lookUps.get(lookUp.id)
  if (state === undefined) return { kind: 'needs', lookUps: [lookUp] }
  const finals = [...state.finals]
  const [first] = finals
  if (first === undefined) return { kind: 'unproven', ...objectToSilence(evidence, [lookUp]) }
  const [host, payload] = first
  if (finals.some(([, other]) => !isSame(other, payload))) {
    const actual = finals.map(([node, other]) => `${node}: ${describePayload(other)}`)
    return refused('nodes-contradict', `one block at slot ${slot}`, actual.join(', '))
  }
  if (payload === undefined) {
    return refused('unsupported', `a block with an execution payload at slot ${slot}`, 'none')
  }
  if (payload.blockHash !== request.blockHash) {
    const expected = `block ${request.blockHash} at slot ${slot}`
    return refused('block-contradicted', expected, `${host}: ${payload.blockHash}`)
  }
  const { blockHash: hash, receiptsRoot } = payload
  const block = { hash, slot, receiptsRoot, confirmedBy: finals.map(([host]) => host) }
  return judgeReceipts(request, evidence, block, trust)
}

const describePayload = (payload: FinalPayload | undefined) =>
  payload === undefined ? 'no block' : `${payload.blockHash}, receipts ${payload.receiptsRoot}`

const isSame = (a: FinalPayload | undefined, b: FinalPayload | undefined) =>
  a?.blockHash === b?.blockHash && a?.receiptsRoot === b?.receiptsRoot

function judgeReceipts(
  request: ExitRequest,
  evidence: Evidence,
  block: FinalBlock,
  { exitBus }: FinalityTrust,
): ProofVerdict {
  const found = evidence.receipts.get(block.receiptsRoot)
  if (found === undefined) {
    const lookUp = receiptsLookUp(block.hash, request.blockNumber, block.receiptsRoot, exitBus)
    return evidence.lookUps.has(lookUp.id)
      ? { kind: 'unproven', ...objectToSilence(evidence, [lookUp]) }
      : { kind: 'needs', lookUps: [lookUp] }
  }
  const log = found.logs.get(request.logIndex)
  if (log?.address !== request.exitBus || !isExitEvent(log, request)) {
    const expected = `the event at place ${request.logIndex} of block ${block.hash}`
    return refused('not-in-block', expected, 'another log, or none')
  }
  return {
    kind: 'proven',
    by: 'finality',
    refSlot: undefined,
    report: undefined,
    transactions: [],
    signers: [],
    block,
    notes: [],
  }
}

/** PROOF: what proves a request. */
export type ProofMode = 'oracle' | 'finality' | 'either' | 'both'

/** What two proofs amount to, where one is enough (`either`) or both are needed. */
export function combine(
  mode: 'either' | 'both',
  oracle: ProofVerdict,
  finality: ProofVerdict,
): ProofVerdict {
  const verdicts = [oracle, finality]
  if (oracle.kind === 'proven' && finality.kind === 'proven') {
    return finality.block === undefined ? oracle : { ...oracle, block: finality.block }
  }
  const proven = verdicts.find(({ kind }) => kind === 'proven')
  if (mode === 'either' && proven !== undefined) return proven
  const needs = verdicts.flatMap((one) => (one.kind === 'needs' ? one.lookUps : []))
  if (needs.length > 0) return { kind: 'needs', lookUps: needs }
  const lacks = Object.entries({ oracle, finality }).flatMap(([proof, one]): readonly Lack[] =>
    one.kind === 'unproven'
      ? [{ proof, code: one.code, expected: one.expected, actual: one.actual }]
      : [],
  )
  const objections = verdicts.flatMap((one) => (one.kind === 'unproven' ? [one] : []))
  const [first, second = first] = objections
  if (first === undefined || second === undefined) throw new Error('no verdict')
  return {
    ...first,
    lacks,
    ...(finality.kind === 'proven' && finality.block ? { block: finality.block } : {}),
    complete: first.complete && second.complete,
    isMissing: first.isMissing || second.isMissing,
    again: SOONEST.find((again) => objections.some((one) => one.again === again)) ?? first.again,
    open: [...new Set([...first.open, ...second.open])],
  }
}
const SOONEST = ['each-cycle', 'backing-off', 'hourly'] as const
