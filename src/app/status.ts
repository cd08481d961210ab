import type { Config } from '../config.ts'
import { mapTexts } from '../lib/map-texts.ts'
import type { ProbeVerdict } from '../observe/http-server.ts'
import type { Mode } from '../observe/metrics.ts'
import type { ModeParts, StatusParts as Parts, StatusDocument } from '../page/status-document.ts'
import { sumUpRateLimited } from '../requests/brake.ts'
import type { Case, CycleReport } from '../requests/cycle-parts.ts'
import { timeLeft } from '../requests/deadlines.ts'
import { isOpen, stateAfterOffers } from '../requests/derive.ts'
import type { Facts } from '../requests/facts.ts'
import { isoOf, viewOf } from '../requests/rendering.ts'
import { describeScope } from '../requests/scope.ts'
import { countBlocks } from '../requests/unread.ts'
import type { Nodes } from './nodes.ts'
import { answersSince, exitRow, listOf, openRow, unprovenRow } from './status-rows.ts'

/** Exits whose story is told: the last ones. */
const MAX_EXITS = 100
/** Ten thousand requests take a while: who asks without end gets the same once more. */
const SHOW_AGAIN_MS = 1_000
const HOUR_MS = 60 * 60 * 1_000
/** The alert on exits that nobody accepts looks back as far. */
const ANSWERS_MS = 30 * 60 * 1_000

export type StatusParts = {
  readonly version: string
  readonly mode: Mode
  readonly config: Pick<Config, 'dryRun' | 'trustMode' | 'scope'>
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
  /** What there is in this mode alone. @param cases - what the latest cycle found */
  readonly more: (cases: readonly Case[]) => ModeParts
}

/**
 * What `/status` shows: what the latest cycle knew, without any I/O. It holds no signature, no
 * password and no URL; lists end after a bounded number of rows.
 */
export function createStatus({ version, mode, config, now, redact }: StatusParts) {
  const startedAt = now()
  let nodes: Nodes | undefined
  let sources: StatusSources | undefined
  let report: CycleReport | undefined
  let lastCycle: StatusDocument['lastCycle'] | undefined
  /** Unix ms. */
  let lastGoodAt: number | undefined
  let failedAt: readonly number[] = []
  let shown: { readonly at: number; readonly status: StatusDocument } | undefined

  function requestsOf(from: StatusSources): Pick<Parts, 'requests' | 'exits'> {
    const { facts } = from.journal
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
        open: listOf(open, (one) => openRow(one, view(one), facts)),
        unproven: listOf(unproven, (one) => unprovenRow(view(one))),
        held: isHeld ? cases.filter(({ next }) => next.kind === 'offer').length : 0,
        rateLimited: rateLimitedOf(cases, at),
        answers: answersSince(facts, at - ANSWERS_MS),
      },
      exits: listOf(
        gone.toSorted((a, b) => latestOf(b) - latestOf(a)),
        (one) => exitRow(one, view(one), facts),
        MAX_EXITS,
      ),
    }
  }

  function partsOf(from: StatusSources): Parts {
    return {
      ...requestsOf(from),
      reading: readingOf(from.journal.facts, report),
      ...from.more(report?.cases ?? []),
      nodes: nodesOf(from.nodes),
      journal: { degraded: from.journal.degraded() },
    }
  }

  function make(): StatusDocument {
    return {
      version,
      startedAt: isoOf(startedAt),
      at: isoOf(now()),
      mode: {
        delivery: mode,
        dryRun: config.dryRun,
        trustMode: config.trustMode,
        onHold: report?.isHeld ?? false,
        network: sources?.network ?? null,
        scope: describeScope(config.scope),
      },
      lastCycle: lastCycle ?? null,
      cycles: {
        lastGoodAt: lastGoodAt === undefined ? null : isoOf(lastGoodAt),
        failedWithinHour: failedAt.filter((at) => at > now() - HOUR_MS).length,
      },
      ...(nodes === undefined ? {} : { nodes: nodesOf(nodes) }),
      ...(sources === undefined ? {} : partsOf(sources)),
    }
  }

  return {
    /** While the start waits for them, nothing else is known. */
    waitingFor(found: Nodes): void {
      nodes = found
    },
    attach(found: StatusSources): void {
      sources = found
      nodes = undefined
      shown = undefined
    },
    /** What a cycle found; one that was cut short leaves what the one before it found. */
    cycleReported(latest: CycleReport): void {
      report = latest
      shown = undefined
    },
    cycleEnded(ok: boolean, failures: readonly string[]): void {
      lastCycle = { endedAt: isoOf(now()), ok, failures }
      if (ok) lastGoodAt = now()
      else failedAt = [...failedAt.filter((at) => at > now() - HOUR_MS), now()]
      shown = undefined
    },
    read(): StatusDocument {
      const at = performance.now()
      if (shown === undefined || at - shown.at >= SHOW_AGAIN_MS) {
        shown = { at, status: mapTexts(make(), redact) }
      }
      return shown.status
    },
  }
}

export type Status = ReturnType<typeof createStatus>

const nodesOf = ({ execution, consensus }: Nodes): Parts['nodes'] =>
  [...execution.statuses(), ...consensus.statuses()].map(({ layer, host, up, synced, why }) => ({
    layer,
    host,
    up,
    synced,
    why: why ?? null,
  }))

function readingOf({ unread }: Facts, report: CycleReport | undefined): Parts['reading'] {
  const { finalizedAt, versionProblem } = report ?? {}
  return {
    finalizedAt: finalizedAt === undefined ? null : isoOf(finalizedAt * 1_000),
    unreadBlocks: countBlocks(unread),
    versionProblem: versionProblem ?? null,
  }
}

function rateLimitedOf(cases: readonly Case[], now: number): Parts['requests']['rateLimited'] {
  const { requests: total, late } = sumUpRateLimited(cases, now)
  return { total, late }
}

/** Nodes' words may hold what must not be shown, and so may a reason that quotes them. */
export const redactVerdict = (
  verdict: () => ProbeVerdict,
  redact: (text: string) => string,
): (() => ProbeVerdict) => {
  return () => {
    const { ok, reasons } = verdict()
    return { ok, reasons: reasons.map(redact) }
  }
}
