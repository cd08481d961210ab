import type { Contracts } from '../../execution/contracts.ts'
import { createLogReader } from '../../execution/logs.ts'
import { readChainQuorum } from '../../execution/oracle-members.ts'
import { compareWithOracle, signersOfOpen } from '../../jobs/allowlist-drift.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { AllowlistDrift } from '../../proof/allowlist-drift.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import { inTime, type Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

/**
 * Do the signers that are believed sign for the oracle, and enough of them?
 *
 * @param cases - of a dry cycle: what is open needs its signers, as in the daemon
 */
export async function checkOracle(
  { config, nodes, now }: Parts,
  { consensus }: Contracts,
  cases: readonly Case[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (config.trustMode) {
    const detail = 'TRUST_MODE is on: requests are believed without proof'
    const remedy = 'turn it off, unless this is a test network without an oracle'
    return [warning({ id: 'trust-mode', title: 'proof', detail, remedy })]
  }
  if (config.proof === 'finality') {
    const detail = 'by finality alone: no allowlist is needed, and none is compared'
    return [ok('proof', 'proof', detail)]
  }
  try {
    const readLogs = createLogReader(config.loadLogsStep, now)
    const task = {
      allowlist: config.oracleAllowlist,
      consensus,
      open: signersOfOpen(cases),
      recentOtherwise: new Set(config.oracleAllowlist),
    }
    const { seats, drift, chainQuorum } = await inTime(signal, (deadline) =>
      nodes.execution.nodes.first(async (node, inner) => {
        const compared = await compareWithOracle(node, readLogs, task, inner)
        return { ...compared, chainQuorum: await readChainQuorum(node, consensus, inner) }
      }, deadline),
    )
    const signers = new Set(seats.flatMap(({ signer }) => signer ?? []))
    const listed = signers.size - drift.missing.length
    const quorum = {
      wanted: config.oracleQuorum,
      listed,
      missing: drift.missing.length,
      chainQuorum,
    }
    return [tellAllowlist(drift, listed, signers.size), ...tellVacant(drift), tellQuorum(quorum)]
  } catch (error) {
    signal.throwIfAborted()
    const detail = `cannot be compared with the chain: ${messageOf(error)}`
    const remedy = 'run check again when an execution node answers'
    return [warning({ id: ID, title: TITLE, detail, remedy })]
  }
}

const [ID, TITLE] = ['allowlist', 'ORACLE_ADDRESSES_ALLOWLIST']

/** The whole line of those who sign now is told in any case: nobody need gather it by hand. */
function tellAllowlist(drift: AllowlistDrift, listed: number, all: number): Finding {
  const { missing, announced, stale, kept, line } = drift
  const names = `names ${listed} of the ${all} signers of the oracle`
  const list = (what: string, addresses: readonly string[]) =>
    addresses.length === 0 ? [] : [`${what} ${addresses.join(', ')}`]
  const soon = announced.map(({ signer, activeFrom }) => {
    return `${signer} from ${new Date(activeFrom * 1_000).toISOString()}`
  })
  const odd = [
    ...list('missing', missing),
    ...list('announced', soon),
    ...list('signs no more', stale),
  ]
  const keeps = list('no longer signers, and still needed:', kept)
  if (odd.length === 0) {
    return ok(ID, TITLE, [`${names}: ${line}`, ...keeps].join('; '))
  }
  const detail = [`${names}: ${odd.join('; ')}`, ...keeps].join('; ')
  const remedy = `check it with the protocol, then set ${line}`
  return warning({ id: ID, title: TITLE, detail, remedy })
}

function tellVacant({ vacant }: AllowlistDrift): readonly Finding[] {
  if (vacant.length === 0) return []
  const detail = `without a signer: ${vacant.join(', ')}`
  const remedy = 'nothing here: the protocol sees to it. The others make the reports meanwhile'
  return [warning({ id: 'oracle-seats', title: 'oracle seats', detail, remedy })]
}

type Quorum = {
  /** ORACLE_QUORUM */
  readonly wanted: number
  /** Current signers that are in the allowlist. */
  readonly listed: number
  /** Current signers that are not. */
  readonly missing: number
  readonly chainQuorum: number | undefined
}

/** Signers that are not listed may be among those who vote first. What remains must be enough. */
function tellQuorum({ wanted, listed, missing, chainQuorum }: Quorum): Finding {
  const [id, title] = ['quorum', `ORACLE_QUORUM ${wanted}`]
  const complete = 'complete ORACLE_ADDRESSES_ALLOWLIST'
  /** 1 would do as well, and one stolen key with it. */
  const remedyAt = (reachable: number) =>
    reachable > 1 ? `${complete}, or set ORACLE_QUORUM=${reachable}` : complete
  if (listed < wanted) {
    const detail = `out of reach: ${listed} of the present signers are in the allowlist. No report can be proven`
    return failure({ id, title, detail, remedy: complete })
  }
  if (chainQuorum === undefined) return ok(id, title, `${listed} signers can reach it`)
  if (chainQuorum < wanted) {
    const detail = `above the protocol's own quorum of ${chainQuorum}: reports may stay pending for want of votes`
    return warning({ id, title, detail, remedy: `set ORACLE_QUORUM=${chainQuorum}` })
  }
  if (chainQuorum - missing < wanted) {
    const detail = `not reached by every report: ${chainQuorum} votes make one, and ${missing} of the signers may vote and are not in the allowlist`
    return failure({ id, title, detail, remedy: remedyAt(chainQuorum - missing) })
  }
  if (wanted === 1 && listed > 1) {
    const detail = `one stolen key of ${listed} would do: ${chainQuorum} votes make a report`
    const remedy =
      chainQuorum - missing > 1
        ? `set ORACLE_QUORUM=${chainQuorum - missing}`
        : `${complete}, and raise ORACLE_QUORUM`
    return warning({ id, title, detail, remedy })
  }
  return ok(id, title, `every report reaches it: ${chainQuorum} votes make one`)
}
