import { withoutMessages } from '../../app/messages.ts'
import { isExiting } from '../../consensus/registry.ts'
import type { Bytes32, ValidatorIndex } from '../../lib/primitives.ts'
import { readCall } from '../../proof/calls.ts'
import { proofReasons } from '../../proof/reasons.ts'
import { placeOf, type ReportRecords } from '../../proof/report-data.ts'
import {
  type CheckedTransaction,
  checkSerialized,
  checkTransaction,
} from '../../proof/transaction.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import type { RegistryAnswers } from '../../requests/derive.ts'
import type { ExitRequest } from '../../requests/exit-request.ts'
import { CommandError } from '../context.ts'
import type { DryCycle } from './dry-cycle.ts'
import { describeUnused, lookAtNodes } from './nodes.ts'
import { type Parts, untilInterrupted } from './parts.ts'
import { readJournal } from './read-journal.ts'
import { leaveOutSilent, readRequests, runCycleOn } from './validator.ts'

/** A proven request, with the data that asked for it on chain. */
export type Provable = {
  readonly request: ExitRequest
  readonly records: ReportRecords
  /** Which record of the data it is, counted from 0. */
  readonly place: number
}

/**
 * Proves the requests of these validators, as one cycle of the daemon does, and finds their data.
 *
 * @throws CommandError that says for each validator why there is nothing to be triggered
 */
export const gatherProvable = (
  indices: readonly ValidatorIndex[],
  parts: Parts,
  signal: AbortSignal,
): Promise<readonly Provable[]> =>
  untilInterrupted(signal, async (lifetime) => {
    const { cycle, problems, chainId } = await prove(indices, parts, lifetime)
    const registry = await cycle.parts.readSightings(indices, lifetime)
    const looks = await Promise.all(
      indices.map(async (index) => {
        const cases = cycle.report.cases.filter(({ request }) => request.validatorIndex === index)
        const refusal = whyNot(cases, registry.get(index), parts.config.trustMode)
        if (refusal !== undefined) return `validator ${index} ${refusal}`
        const found = await findData(cases.filter(isProven), chainId, cycle, parts, lifetime)
        return found ?? `validator ${index}: no transaction that is known holds its request's data`
      }),
    )
    const refusals = looks.filter((look) => typeof look === 'string')
    if (refusals.length === 0) return looks.filter((look) => typeof look !== 'string')
    const told = [...refusals, ...new Set([...problems, ...cycle.alarms])]
    const remedy = `see why: validator-ejector explain ${indices[0]}`
    throw new CommandError(`trigger: ${told.join('\n  ')}`, remedy, 1)
  })

async function prove(indices: readonly ValidatorIndex[], parts: Parts, signal: AbortSignal) {
  const nodes = await lookAtNodes(parts, signal)
  const { chainId, execution, consensus } = nodes
  if (chainId === undefined || execution.length === 0 || consensus.length === 0) {
    const why = nodes.conflict ?? describeUnused(nodes).join('; ')
    const remedy = 'check EXECUTION_NODE and CONSENSUS_NODE'
    throw new CommandError(`trigger: a node of each layer must answer: ${why}`, remedy, 1)
  }
  leaveOutSilent(parts, nodes)
  const journal = readJournal(parts.config, chainId)
  const subjects = indices.map((index) => ({ index, pubkey: undefined }))
  const read = await readRequests(parts, { chainId, journal }, subjects, signal)
  const messages = withoutMessages(false, 'none is needed')
  const cycle = await runCycleOn(parts, { chainId, journal, read, messages }, signal)
  return { cycle, chainId, problems: read.problems }
}

const isProven = ({ verdict }: Case) => verdict?.kind === 'proven'

/** As a clause about the validator. */
function whyNot(
  cases: readonly Case[],
  registry: RegistryAnswers | undefined,
  trustMode: boolean,
): string | undefined {
  const [first] = cases
  if (first === undefined) return 'was not requested to exit, within the blocks that were read'
  const one = cases.find(isProven)
  if (one === undefined) {
    if (trustMode) return 'has no proven request: TRUST_MODE proves nothing'
    const code = first.verdict?.kind === 'unproven' ? first.verdict.code : undefined
    return `has no proven request: ${code === undefined ? 'not judged' : `${proofReasons[code].short} (${code})`}`
  }
  const known = (registry?.head ?? []).flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
  if (known.length === 0) return 'is not known to any consensus node'
  if (known.some(isExiting)) return 'is exiting already, or has exited'
  return known.some(({ pubkey }) => pubkey !== one.request.pubkey)
    ? 'has another public key in the registry than its request'
    : undefined
}

async function findData(
  cases: readonly Case[],
  chainId: bigint,
  cycle: DryCycle,
  parts: Parts,
  signal: AbortSignal,
): Promise<Provable | undefined> {
  for (const { request } of cases) {
    const transaction = await findTransaction(
      request.transactionHash,
      chainId,
      cycle,
      parts,
      signal,
    )
    const call = transaction && readCall(transaction)
    if (call?.kind !== 'report' && call?.kind !== 'direct') continue
    const place = placeOf(call.records, request)
    if (call.target !== request.exitBus || place === undefined) continue
    return { request, records: call.records, place }
  }
  return undefined
}

/** As the proof kept it, or from a node: either way it has the hash that the event names. */
async function findTransaction(
  hash: Bytes32,
  chainId: bigint,
  { parts: { journal } }: DryCycle,
  { nodes }: Parts,
  signal: AbortSignal,
): Promise<CheckedTransaction | undefined> {
  const kept = journal.facts.transactions.get(hash)
  const check =
    kept === undefined
      ? checkTransaction(
          await nodes.execution.nodes.first(
            (node, deadline) => node.transaction(hash, deadline),
            signal,
          ),
          hash,
          chainId,
        )
      : checkSerialized(kept, hash, chainId)
  return check.ok ? check.transaction : undefined
}
