import type { Address, Bytes32, Hex } from '../../src/lib/primitives.ts'
import type { Trust } from '../../src/proof/judge.ts'
import * as chain from './chain.ts'
import { nodeWith, prove } from './node.ts'

const { CONSENSUS, EXIT_BUS, exitRecord, signed, trustOf } = chain

export const records = [1, 2, 3].map((number) => exitRecord(number))
const [, second] = records
if (second === undefined) throw new Error('no record')
/** The record that requests are about, unless told otherwise. */
export const wanted = second
export const report = chain.reportOf(records)
export const voteFor = (data: Hex, who = 'member 1') => signed(who, { to: CONSENSUS, data })
export const vote = voteFor(chain.submitReport(report))

/** What is made differently. */
export type Parts = {
  event?: chain.Signed
  vote?: chain.Signed
  logs?: readonly chain.RawLog[]
  request?: Partial<chain.ExitRecord>
  report?: chain.Report
  trust?: Partial<Trust>
}

/** A report that was handed in, voted for and agreed on; each part may be made differently. */
export function scene(parts: Parts) {
  const shown = parts.report ?? report
  const event =
    parts.event ?? signed('anybody', { to: EXIT_BUS, data: chain.submitReportData(shown) })
  const cast = parts.vote ?? voteFor(chain.submitReport(shown))
  const logs = parts.logs ?? [chain.consensusReached(chain.hashOf(shown), cast.hash)]
  return {
    request: chain.requestOf({ ...wanted, ...parts.request } as chain.ExitRecord, event.hash),
    node: nodeWith([event, cast], logs),
    trust: trustOf(parts.trust),
    event,
    vote: cast,
  }
}
export const verdictOf = (parts: Parts) => {
  const { request, node, trust } = scene(parts)
  return prove(request, node, trust)
}
export const eventTo = (to: Address | null, data: string) => signed('anybody', { to, data })

export const other = chain.reportOf([exitRecord(5)])
export const otherLog = (hash: Bytes32) => chain.consensusReached(chain.hashOf(other), hash)
