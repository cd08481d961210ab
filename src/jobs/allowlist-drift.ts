import type { Config } from '../config.ts'
import type { ExecutionNode } from '../execution/execution-node.ts'
import { readOracleSigners } from '../execution/oracle-members.ts'
import type { Endpoint } from '../lib/endpoints.ts'
import type { Address } from '../lib/primitives.ts'
import type { Metrics } from '../observe/metrics.ts'
import { type AllowlistDrift, findDrift } from '../proof/allowlist-drift.ts'
import type { Log } from '../requests/cycle-parts.ts'

export type DriftParts = {
  readonly config: Pick<Config, 'oracleAllowlist' | 'trustMode'>
  readonly nodes: readonly Endpoint<Pick<ExecutionNode, 'call'>>[]
  /** Hosts of the nodes that may be asked now, best first. */
  readonly healthy: () => readonly string[]
  /** The latest HashConsensus that the Locator led to. */
  readonly consensus: () => Address | undefined
  readonly log: Log
  readonly metrics: Pick<Metrics, 'setAllowlistDrift'>
  /** Unix ms. */
  readonly now: () => number
  /** Ends a look in hand with the daemon. */
  readonly lifetime: AbortSignal
}

export type DriftDetector = {
  /** Looks in the background, if it is time. */
  cycleEnded(): void
  /** Makes it time. */
  unlistedSigner(): void
  /** What the latest look found; nothing before the first. */
  latest(): DriftFound | undefined
}

export type DriftFound = {
  /** ISO 8601. */
  readonly at: string
  /** Host of the node that told. */
  readonly node: string
  readonly missing: readonly Address[]
  readonly stale: readonly Address[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** After looks that failed: 1, 2, 4 … minutes, at most an hour. */
const pauseAfter = (failures: number) => Math.min(2 ** (failures - 1) * MINUTE_MS, HOUR_MS)

/**
 * Compares ORACLE_ADDRESSES_ALLOWLIST with who signs for the oracle: after the first cycle, daily,
 * and when a proof met an unlisted signer (at most hourly, since a node can invent those).
 *
 * Advice only: nothing that is read here changes whom the daemon trusts, no cycle waits for it,
 * and a look that fails is merely repeated later.
 */
export function createDriftDetector(parts: DriftParts): DriftDetector {
  const { config, nodes, log, metrics, now, lifetime } = parts
  if (config.trustMode) return { cycleEnded() {}, unlistedSigner() {}, latest: () => undefined }
  const teller = createTeller(log)
  let isLooking = false
  let failures = 0
  let dueAt = 0
  let found: DriftFound | undefined
  /** An unlisted signer turned up; one that makes a look due may not follow before then. */
  let isDoubtful = false
  let doubtAgainAt = 0

  function isDue(): boolean {
    return now() >= dueAt || (isDoubtful && failures === 0 && now() >= doubtAgainAt)
  }

  /** The first answer is enough. A node that gives none is not set aside for it. */
  async function read(consensus: Address) {
    let last: unknown = new Error('no node may be asked')
    for (const host of parts.healthy()) {
      const endpoint = nodes.find((one) => one.host === host)
      if (endpoint === undefined) continue
      try {
        return { host, signers: await readOracleSigners(endpoint.node, consensus, lifetime) }
      } catch (error) {
        lifetime.throwIfAborted()
        last = error
      }
    }
    throw last
  }

  async function look(consensus: Address): Promise<void> {
    try {
      const { host, signers } = await read(consensus)
      const drift = findDrift(config.oracleAllowlist, signers)
      metrics.setAllowlistDrift(drift?.missing.length ?? 0, drift?.stale.length ?? 0)
      const { missing, stale } = drift ?? { missing: [], stale: [] }
      found = { at: new Date(now()).toISOString(), node: host, missing, stale }
      teller.tell(drift, host)
      failures = 0
      dueAt = now() + DAY_MS
    } catch (error) {
      if (lifetime.aborted) return
      failures += 1
      dueAt = now() + pauseAfter(failures)
      log.debug('oracle members could not be read, so the allowlist is not compared', { error })
    }
  }

  return {
    cycleEnded(): void {
      const consensus = parts.consensus()
      if (consensus === undefined || isLooking || lifetime.aborted || !isDue()) return
      if (now() < dueAt) doubtAgainAt = now() + HOUR_MS
      isDoubtful = false
      isLooking = true
      void look(consensus).finally(() => {
        isLooking = false
      })
    },
    unlistedSigner(): void {
      isDoubtful = true
    },
    latest: () => found,
  }
}

/** A drift is said when it appears or changes, and its end. */
function createTeller(log: Log) {
  let said = ''
  return {
    tell(drift: AllowlistDrift | undefined, host: string): void {
      const found = drift === undefined ? '' : describe(drift)
      if (found === said) return
      said = found
      if (drift === undefined) {
        log.info('ORACLE_ADDRESSES_ALLOWLIST names the signers of the oracle again', { node: host })
        return
      }
      // The line stands last, so that nothing has to be cut off behind it.
      log.warn(
        `ORACLE_ADDRESSES_ALLOWLIST is not what execution node ${host} says of the oracle: ${found}. Nothing was changed: check it with the protocol, then set ${drift.line}`,
      )
    },
  }
}

function describe({ missing, stale }: AllowlistDrift): string {
  const list = (what: string, addresses: readonly Address[]) =>
    addresses.length === 0 ? [] : [`${what} ${addresses.join(', ')}`]
  return [...list('missing', missing), ...list('stale', stale)].join('; ')
}
