import { TOPICS } from '../../execution/abi.ts'
import { type Contracts, resolveContracts } from '../../execution/contracts.ts'
import type { ExecutionNode } from '../../execution/execution-node.ts'
import { readChainQuorum, readOracleSigners } from '../../execution/oracle-members.ts'
import { RpcError } from '../../execution/rpc-errors.ts'
import { NoAnswerError } from '../../lib/http.ts'
import { messageOf } from '../../lib/message-of.ts'
import { findDrift } from '../../proof/allowlist-drift.ts'
import { inTime, type World } from '../world.ts'
import { type Finding, failure, ok, unlessAnother, warning } from './finding.ts'

export type ContractsFound = {
  readonly findings: readonly Finding[]
  readonly contracts: Contracts | undefined
}

/** Locator → exit bus → HashConsensus, as each node says. */
export async function checkContracts(
  { config, nodes }: World,
  hosts: readonly string[],
  signal: AbortSignal,
): Promise<ContractsFound> {
  const [id, title] = ['contracts', 'contracts']
  const answers = await Promise.all(
    hosts.map(async (host) => {
      try {
        const contracts = await inTime(signal, (deadline) =>
          nodes.execution.nodes.only(
            host,
            (node, _host, inner) => resolveContracts(node, config.locatorAddress, inner),
            deadline,
          ),
        )
        return { host, contracts }
      } catch (error) {
        signal.throwIfAborted()
        return { host, why: messageOf(error), isSilent: error instanceof NoAnswerError }
      }
    }),
  )
  const told = answers.flatMap(({ contracts }) => (contracts === undefined ? [] : [contracts]))
  const failed = answers.flatMap(({ host, why, isSilent }) =>
    why === undefined
      ? []
      : [
          unlessAnother(told.length > 0, {
            id,
            title: `${title} at ${host}`,
            detail: why,
            remedy: isSilent
              ? 'see the log of that node'
              : 'set LOCATOR_ADDRESS to the Lido Locator of this network',
          }),
        ],
  )
  const [first] = told
  if (first === undefined) return { findings: failed, contracts: undefined }
  const distinct = new Set(told.map(({ exitBus, consensus }) => `${exitBus} ${consensus}`))
  if (distinct.size > 1) {
    const detail = `the nodes name different ones: ${[...distinct].join(' or ')}`
    const remedy = 'see which node is right, and remove the other'
    return { findings: [failure({ id, title, detail, remedy }), ...failed], contracts: first }
  }
  const detail = `exit bus ${first.exitBus}, HashConsensus ${first.consensus}`
  return { findings: [ok(id, title, detail), ...failed], contracts: first }
}

/** Does each node give logs, and how many blocks at once? */
export async function checkLogRanges(
  { config, nodes }: World,
  hosts: readonly string[],
  { exitBus }: Contracts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const step = config.loadLogsStep
  const asked = await Promise.all(
    hosts.map(async (host) => {
      try {
        const width = await inTime(signal, (deadline) =>
          nodes.execution.nodes.only(
            host,
            (node, _host, inner) => widestRange(node, exitBus, step, inner),
            deadline,
          ),
        )
        return { host, width }
      } catch (error) {
        signal.throwIfAborted()
        return { host, why: messageOf(error) }
      }
    }),
  )
  const isAnyGood = asked.some(({ width }) => width !== undefined)
  return asked.map(({ host, width, why }) => {
    const [id, title] = ['log-range', `logs of ${host}`]
    if (width === undefined) {
      const detail = `eth_getLogs does not work: ${why}`
      const remedy = 'name a node that serves logs'
      return unlessAnother(isAnyGood, { id, title, detail, remedy })
    }
    if (width >= step) return ok(id, title, `${width} blocks at once`)
    const detail = `no more than ${width} blocks at once: the daemon asks in smaller parts`
    return warning({ id, title, detail, remedy: `LOAD_LOGS_STEP=${width} saves it the refusals` })
  })
}

/** Down from what is configured, in halves. @throws when even one block is too much */
async function widestRange(
  node: ExecutionNode,
  exitBus: Contracts['exitBus'],
  step: number,
  signal: AbortSignal,
): Promise<number> {
  const head = await node.finalizedBlock(signal)
  const topics = [TOPICS.validatorExitRequest]
  for (let blocks = step; ; blocks = Math.floor(blocks / 2)) {
    const fromBlock = Math.max(0, head.number - blocks + 1)
    try {
      await node.logs({ address: exitBus, topics, fromBlock, toBlock: head.number }, signal)
      return blocks
    } catch (error) {
      if (!(error instanceof RpcError) || blocks <= 1) throw error
    }
  }
}

/** Do the signers that are believed sign for the oracle, and enough of them? */
export async function checkOracle(
  { config, nodes }: World,
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
 * Signers that are not listed may be among those who vote first. What is left must be enough.
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
  return ok(id, title, `every report reaches it: ${chainQuorum} votes make one`)
}
