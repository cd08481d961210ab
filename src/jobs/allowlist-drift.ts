import type { Config } from '../config.ts'
import type { ExecutionNode } from '../execution/execution-node.ts'
import type { LogReader } from '../execution/logs.ts'
import { readOracleSeats, readRecentVoters } from '../execution/oracle-members.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import type { Address } from '../lib/primitives.ts'
import type { Metrics } from '../observe/metrics.ts'
import { type AllowlistDrift, compareAllowlist, formerSigners } from '../proof/allowlist-drift.ts'
import type { Case, Log } from '../requests/cycle-parts.ts'

export type DriftParts = {
  readonly config: Pick<Config, 'oracleAllowlist' | 'trustMode' | 'proof'>
  readonly nodes: Pick<Endpoints<ExecutionNode>, 'firstUncounted'>
  readonly readLogs: LogReader
  /** The latest HashConsensus that the Locator led to. */
  readonly consensus: () => Address | undefined
  readonly log: Log
  readonly metrics: Pick<Metrics, 'set'>
  /** Unix ms. */
  readonly now: () => number
  /** Ends a look that runs with the daemon. */
  readonly lifetime: AbortSignal
}

/** What the latest look found; `line` aside, as `/status` shows it. */
export type DriftFound = Omit<AllowlistDrift, 'line'> & {
  /** ISO 8601. */
  readonly at: string
  /** Host of the node that told. */
  readonly node: string
}

export type DriftDetector = {
  /** Whose signatures prove what is not settled yet. */
  cycleReported(cases: readonly Pick<Case, 'state' | 'verdict'>[]): void
  /** Looks in the background, if it is time. */
  cycleEnded(): void
  /** Makes it time. */
  unlistedSigner(): void
  /** Nothing before the first look has ended. */
  latest(): DriftFound | undefined
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Looks that failed in a row: the next one goes by what was known before, where it must. */
const PATIENT_AFTER = 3
/** After looks that failed: 1, 2, 4 … minutes, at most an hour. */
const pauseAfter = (failures: number) => Math.min(2 ** (failures - 1) * MINUTE_MS, HOUR_MS)

/**
 * Compares ORACLE_ADDRESSES_ALLOWLIST with who signs for the oracle: after the first cycle, hourly,
 * and when a proof met an unlisted signer (which a node can invent, hence at most hourly too).
 *
 * Advice only: nothing that is read here changes whom the daemon trusts, no cycle waits for it,
 * and a look that fails is merely repeated later.
 */
export function createDriftDetector(parts: DriftParts): DriftDetector {
  const { config, nodes, log, metrics, now, lifetime } = parts
  if (config.trustMode || config.proof === 'finality') {
    return { cycleReported() {}, cycleEnded() {}, unlistedSigner() {}, latest: () => undefined }
  }
  const tell = createTeller(log)
  let isLooking = false
  let failures = 0
  let dueAt = 0
  let found: DriftFound | undefined
  let open: ReadonlySet<Address> = new Set()
  /** An unlisted signer turned up; one that makes a look due may not follow before then. */
  let isDoubtful = false
  let doubtAgainAt = 0

  const isDue = () => now() >= dueAt || (isDoubtful && failures === 0 && now() >= doubtAgainAt)

  /** The first answer is enough. A node that gives none is not set aside for it. */
  async function look(consensus: Address): Promise<void> {
    const allowlist = config.oracleAllowlist
    const stale = new Set(found?.stale)
    const lastKnown = new Set(allowlist.filter((one) => !stale.has(one)))
    const recentOtherwise = failures >= PATIENT_AFTER ? lastKnown : undefined
    const task = { allowlist, consensus, open, recentOtherwise }
    try {
      const { drift, host } = await nodes.firstUncounted(
        async (node, _signal, host) => ({
          host,
          ...(await compareWithOracle(node, parts.readLogs, task, lifetime)),
        }),
        lifetime,
      )
      metrics.set('oracle_allowlist_missing', drift.missing.length)
      metrics.set('oracle_allowlist_stale', drift.stale.length)
      metrics.set('oracle_allowlist_announced', drift.announced.length)
      metrics.set('oracle_seats_vacant', drift.vacant.length)
      const { line, ...shown } = drift
      found = { at: new Date(now()).toISOString(), node: host, ...shown }
      tell(drift, host)
      failures = 0
      dueAt = now() + HOUR_MS
    } catch (error) {
      if (lifetime.aborted) return
      failures += 1
      dueAt = now() + pauseAfter(failures)
      log.debug('oracle members could not be read, so the allowlist is not compared', { error })
    }
  }

  return {
    cycleReported(cases): void {
      open = signersOfOpen(cases)
    },
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

type Comparison = {
  readonly allowlist: readonly Address[]
  readonly consensus: Address
  /** Signers of open requests: see `signersOfOpen`. */
  readonly open: ReadonlySet<Address>
  /** Who counts as having voted lately where that is never answered; `undefined`: the look fails. */
  readonly recentOtherwise: ReadonlySet<Address> | undefined
}

/** Whether someone signs no more is asked of the same node that says who does. */
export async function compareWithOracle(
  node: ExecutionNode,
  readLogs: LogReader,
  { allowlist, consensus, open, recentOtherwise }: Comparison,
  signal: AbortSignal,
) {
  const seats = await readOracleSeats(node, consensus, signal)
  const former = new Set(formerSigners(allowlist, seats).filter((one) => !open.has(one)))
  const recent =
    former.size === 0
      ? former
      : await readRecentVoters(node, readLogs, consensus, former, recentOtherwise, signal)
  return { seats, drift: compareAllowlist(allowlist, seats, new Set([...open, ...recent])) }
}

/** Without them, a restart could not prove again what is not settled yet. */
export const signersOfOpen = (cases: readonly Pick<Case, 'state' | 'verdict'>[]) =>
  new Set(
    cases.flatMap(({ state, verdict }) =>
      verdict?.kind === 'proven' && state !== 'settled' && state !== 'lapsed'
        ? verdict.signers
        : [],
    ),
  )

/** Each kind of difference is said when it appears or changes; the first also when it is over. */
function createTeller(log: Log) {
  const said = new Map<string, string>()
  const isNew = (kind: string, text: string) => {
    const isNews = (said.get(kind) ?? '') !== text
    said.set(kind, text)
    return isNews
  }
  const list = (what: string, addresses: readonly Address[]) =>
    addresses.length === 0 ? [] : [`${what} ${addresses.join(', ')}`]
  /** The line stands last, so that nothing has to be cut off behind it. */
  const remedy = (line: string) =>
    `Nothing was changed: check it with the protocol, then set ${line}`

  return function tell(drift: AllowlistDrift, host: string): void {
    const { missing, announced, stale, kept, vacant, line } = drift
    const differs = [...list('missing', missing), ...list('stale', stale)].join('; ')
    if (isNew('differs', differs)) {
      if (differs === '') {
        log.info('ORACLE_ADDRESSES_ALLOWLIST names the signers of the oracle again', { node: host })
      } else {
        const still = list('still needed', kept).map((text) => `; ${text}`)
        log.warn(
          `ORACLE_ADDRESSES_ALLOWLIST is not what execution node ${host} says of the oracle: ${differs}${still}. ${remedy(line)}`,
        )
      }
    }
    const next = announced.map(({ signer, activeFrom }) => `${signer} from ${dateOf(activeFrom)}`)
    if (isNew('announced', next.join(', ')) && next.length > 0) {
      log.warn(
        `oracle keys are announced that ORACLE_ADDRESSES_ALLOWLIST does not name: ${next.join(', ')}, as execution node ${host} says. ${remedy(line)}`,
      )
    }
    if (isNew('vacant', vacant.join(', ')) && vacant.length > 0) {
      log.warn(
        `oracle members without a signer: ${vacant.join(', ')}, as execution node ${host} says. Fewer votes make a report; there is nothing to set`,
      )
    }
  }
}

/** Unix seconds as ISO 8601; whatever a node says is no exception. */
const dateOf = (seconds: number): string => {
  const date = new Date(seconds * 1_000)
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString()
}
