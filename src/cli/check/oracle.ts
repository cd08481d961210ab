import type { Contracts } from '../../execution/contracts.ts'
import { readChainQuorum, readOracleSigners } from '../../execution/oracle-members.ts'
import { messageOf } from '../../lib/message-of.ts'
import { findDrift } from '../../proof/allowlist-drift.ts'
import { inTime, type Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

/** Do the signers that are believed sign for the oracle, and enough of them? */
export async function checkOracle(
  { config, nodes }: Parts,
  { consensus }: Contracts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (config.trustMode) {
    const detail = 'TRUST_MODE is on: requests are believed without proof'
    const remedy = 'turn it off, unless this is a test network without an oracle'
    return [warning({ id: 'trust-mode', title: 'proof', detail, remedy })]
  }
  const [id, title] = ['allowlist', 'ORACLE_ADDRESSES_ALLOWLIST']
  try {
    const { signers, chainQuorum } = await inTime(signal, (deadline) =>
      nodes.execution.nodes.first(
        async (node, _host, inner) => ({
          signers: await readOracleSigners(node, consensus, inner),
          chainQuorum: await readChainQuorum(node, consensus, inner),
        }),
        deadline,
      ),
    )
    const drift = findDrift(config.oracleAllowlist, signers)
    const missing = drift?.missing ?? []
    const listed = signers.length - missing.length
    const all = `${listed} of the ${signers.length} signers of the oracle`
    const list = (what: string, addresses: readonly string[]) =>
      addresses.length === 0 ? [] : [`${what} ${addresses.join(', ')}`]
    const detail = [...list('missing', missing), ...list('stale', drift?.stale ?? [])].join('; ')
    const allowlist =
      drift === undefined
        ? ok(id, title, `names ${all}`)
        : warning({
            id,
            title,
            detail: `names ${all}: ${detail}`,
            remedy: `check it with the protocol, then set ${drift.line}`,
          })
    return [allowlist, tellQuorum(config.oracleQuorum, listed, missing.length, chainQuorum)]
  } catch (error) {
    signal.throwIfAborted()
    const detail = `cannot be compared with the chain: ${messageOf(error)}`
    const remedy = 'compare it with getMembers() of HashConsensus by hand'
    return [warning({ id, title, detail, remedy })]
  }
}

/**
 * Signers that are not listed may be among those who vote first. What remains must be enough.
 *
 * @param listed - current signers that are in the allowlist
 * @param missing - current signers that are not
 */
function tellQuorum(
  wanted: number,
  listed: number,
  missing: number,
  chainQuorum: number | undefined,
): Finding {
  const [id, title] = ['quorum', `ORACLE_QUORUM ${wanted}`]
  const remedy = 'complete ORACLE_ADDRESSES_ALLOWLIST, or lower ORACLE_QUORUM'
  if (listed < wanted) {
    const detail = `out of reach: ${listed} current signers are in the allowlist. No report can be proven`
    return failure({ id, title, detail, remedy })
  }
  if (chainQuorum === undefined) return ok(id, title, `${listed} signers can reach it`)
  if (chainQuorum < wanted) {
    const detail = `above the protocol's own quorum of ${chainQuorum}: reports may wait for more votes`
    return warning({ id, title, detail, remedy: `set ORACLE_QUORUM=${chainQuorum}` })
  }
  if (chainQuorum - missing < wanted) {
    const detail = `not reached by every report: ${chainQuorum} votes make one, and ${missing} voters are not in the allowlist`
    return failure({ id, title, detail, remedy })
  }
  if (wanted === 1 && listed > 1) {
    const detail = `one stolen key of ${listed} would do: ${chainQuorum} votes make a report`
    return warning({ id, title, detail, remedy: `set ORACLE_QUORUM=${chainQuorum - missing}` })
  }
  return ok(id, title, `every report reaches it: ${chainQuorum} votes make one`)
}
