import type { Rule } from './conditions.ts'
import { rules } from './rules.ts'
import type { StatusDocument } from './status-document.ts'

/** All is well, something to look at, something to do now. */
export type Level = 'well' | Rule['level']

export type Finding = Omit<Rule, 'tell'> & { readonly text: string }

export type Judgement = {
  readonly level: Level
  /** The worst first; without those that a worse one covers. */
  readonly findings: readonly Finding[]
}

/** What says this says those too: alertmanager.yml holds these back, and a little more is here. */
export const COVERS: Readonly<Record<string, readonly string[]>> = {
  ExitOverdue: ['Deadline4Hours', 'Deadline24Hours', 'DeadlineHalfGone', 'ExitDelayed'],
  Deadline4Hours: ['Deadline24Hours', 'DeadlineHalfGone'],
  Deadline24Hours: ['DeadlineHalfGone'],
  NoMessages: ['MessagesBelow15Percent', 'MessagesBelow30Percent'],
  MessagesBelow15Percent: ['MessagesBelow30Percent'],
  NoUsableNode: ['NodeDown', 'NodeUnsynced'],
  NoGoodCycle: ['CyclesFail'],
  ExitsHeld: ['OnHold'],
  RequestUnproven: ['VerificationErrors'],
  NextExitNotSigned: ['RunwayShort'],
}

/** That the daemon is away, or restarts, it cannot tell of itself. */
export function judge(status: StatusDocument): Judgement {
  const all = rules.flatMap(({ tell, ...rule }) => {
    const text = tell(status)
    return text === undefined ? [] : [{ ...rule, text }]
  })
  const covered = new Set(all.flatMap(({ alert }) => COVERS[alert ?? ''] ?? []))
  const findings = all.filter(({ alert }) => !covered.has(alert ?? ''))
  return { level: findings[0]?.level ?? 'well', findings }
}
