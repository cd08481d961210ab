import type { Config } from '../config.ts'
import type { DriftDetector } from '../jobs/allowlist-drift.ts'
import type { NextExits } from '../jobs/next-exits.ts'
import type { MessageSnapshot } from '../messages/snapshot.ts'
import type { Verdict } from '../observe/http-server.ts'
import type { Case, CycleReport } from '../requests/cycle-parts.ts'
import { timeLeft } from '../requests/deadlines.ts'
import { isOpen, stateAfterOffers } from '../requests/derive.ts'
import type { Facts } from '../requests/facts.ts'
import { viewOf } from '../requests/rendering.ts'
import type { Nodes } from './nodes.ts'
import { exitRow, listOf, messagesOf, nextExitsRow, openRow, unprovenRow } from './status-rows.ts'

/** Exits whose story is told: the last ones. */
const MAX_EXITS = 100
/** Ten thousand requests take a while: who asks without end gets the same once more. */
const SHOW_AGAIN_MS = 1_000

export type StatusParts = {
  readonly version: string
  readonly config: Pick<Config, 'delivery' | 'dryRun' | 'trustMode' | 'scope'>
  /** Unix ms. */
  readonly now: () => number
  /** Masks secrets in what nodes said. */
  readonly redact: (text: string) => string
}

/** Where the parts of it are, once the daemon has them. Reading each costs nothing. */
export type StatusSources = {
  readonly network: string
  readonly nodes: Nodes
  readonly journal: { readonly facts: Facts; degraded(): boolean }
  readonly messages: () => MessageSnapshot | undefined
  readonly drift: Pick<DriftDetector, 'latest'>
  readonly nextExits: NextExits['current']
}

/**
 * What `/status` shows: what the latest cycle knew, without any I/O. It holds no signature, no
 * password and no URL; lists end after a bounded number of rows.
 */
export function createStatus({ version, config, now, redact }: StatusParts) {
  const startedAt = now()
  let sources: StatusSources | undefined
  let report: CycleReport | undefined
  let lastCycle: object | undefined
  let shown: { readonly at: number; readonly status: unknown } | undefined

  function requestsOf({ facts }: StatusSources['journal']): object {
    const cases = report?.cases ?? []
    const at = now()
    const isHeld = report?.isHeld ?? false
    const view = (one: Case) => viewOf(one, { facts, now: at, dryRun: config.dryRun, isHeld })
    const inState = (test: (state: Case['state']) => boolean) =>
      cases.filter(({ request, state }) =>
        test(stateAfterOffers(state, facts.offers.get(request.validatorIndex))),
      )
    const open = inState(isOpen).toSorted(
      (a, b) => timeLeft(a.request, at, a.limit) - timeLeft(b.request, at, b.limit),
    )
    const unproven = inState((state) => state === 'seen' || state === 'unproven')
    const gone = inState((state) => ['exiting', 'settled', 'lapsed'].includes(state))
    const latestOf = ({ request }: Case) =>
      facts.history.get(request.validatorIndex)?.at(-1)?.at ?? 0
    return {
      requests: {
        open: listOf(open, (one) => openRow(view(one))),
        unproven: listOf(unproven, (one) => unprovenRow(view(one))),
      },
      exits: listOf(
        gone.toSorted((a, b) => latestOf(b) - latestOf(a)),
        (one) => exitRow(one, view(one), facts),
        MAX_EXITS,
      ),
    }
  }

  function partsOf(from: StatusSources): object {
    const snapshot = from.messages()
    const { execution, consensus } = from.nodes
    return {
      ...requestsOf(from.journal),
      messages: snapshot === undefined ? null : messagesOf(snapshot),
      nextExits: listOf(from.nextExits(), nextExitsRow),
      nodes: [...execution.statuses(), ...consensus.statuses()].map(
        ({ layer, host, up, synced, why }) => ({ layer, host, up, synced, why: why ?? null }),
      ),
      drift: from.drift.latest() ?? null,
      journal: { degraded: from.journal.degraded() },
    }
  }

  function make(): object {
    return {
      version,
      startedAt: new Date(startedAt).toISOString(),
      at: new Date(now()).toISOString(),
      mode: {
        delivery: config.delivery.mode,
        dryRun: config.dryRun,
        trustMode: config.trustMode,
        onHold: report?.isHeld ?? false,
        network: sources?.network ?? null,
        scope: Object.fromEntries(config.scope),
      },
      lastCycle: lastCycle ?? null,
      ...(sources === undefined ? {} : partsOf(sources)),
    }
  }

  return {
    attach(found: StatusSources): void {
      sources = found
      shown = undefined
    },
    /** What a cycle found; one that was cut short leaves what the one before it found. */
    cycleReported(latest: CycleReport): void {
      report = latest
      shown = undefined
    },
    cycleEnded(ok: boolean, failures: readonly string[]): void {
      lastCycle = { endedAt: new Date(now()).toISOString(), ok, failures }
      shown = undefined
    },
    read(): unknown {
      const at = performance.now()
      if (shown === undefined || at - shown.at >= SHOW_AGAIN_MS) {
        shown = { at, status: withStrings(make(), redact) }
      }
      return shown.status
    },
  }
}

export type Status = ReturnType<typeof createStatus>

/** Nodes' words may hold what must not be shown, and so may a reason that quotes them. */
export const redactVerdict = (
  verdict: () => Verdict,
  redact: (text: string) => string,
): (() => Verdict) => {
  return () => {
    const { ok, reasons } = verdict()
    return { ok, reasons: reasons.map(redact) }
  }
}

/** The same value with each string in it changed. */
function withStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((one) => withStrings(one, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withStrings(one, change)]),
  )
}
