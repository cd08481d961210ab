import type { Config } from '../../config.ts'
import type { ChainInfo } from '../../consensus/chain-info.ts'
import { isExiting } from '../../consensus/registry.ts'
import type { FinalBlock, Proven } from '../../proof/judge.ts'
import { type ProofReasonCode, proofReasons } from '../../proof/reasons.ts'
import type { Case, Messages } from '../../requests/cycle-parts.ts'
import type { RegistryAnswer } from '../../requests/derive.ts'
import {
  type HappeningView,
  happeningOf,
  type RequestView,
  viewOf,
} from '../../requests/rendering.ts'
import { isInScope } from '../../requests/scope.ts'
import type { ValidatorFound } from '../gather/validator.ts'
import { type NextStep, nextStep, type Plan } from './next-step.ts'
import { type ChainTimes, chainTimes } from './times.ts'

/**
 * Everything that is known of one validator: what both the text and the JSON show. Times are
 * ISO 8601 in UTC; what may exceed 2^53 is a decimal string.
 */
export type Story = {
  readonly validator: { readonly index: number | null; readonly pubkey: string | null }
  readonly at: string
  readonly requests: readonly RequestStory[]
  readonly message: MessageStory
  /** What the daemon wrote down, oldest first. */
  readonly history: readonly HappeningView[]
  /** One for each consensus node that answered. */
  readonly registry: readonly NodeView[]
  readonly sources: {
    /** Whether a journal was read, and held requests of this validator. */
    readonly journal: 'told' | 'silent' | 'unreadable' | 'none'
    /** Blocks of the execution nodes that were read for it. */
    readonly blocks: { readonly from: number; readonly to: number } | null
  }
  /** What could not be learnt, a sentence each. */
  readonly problems: readonly string[]
}

export type RequestStory = Omit<
  RequestView,
  'validator' | 'pubkey' | 'open' | 'history' | 'proof'
> & {
  /** As the event has it. It is the same validator as the story's, unless somebody mixed them up. */
  readonly named: { readonly index: number; readonly pubkey: string }
  /** Whether EJECTOR_SCOPE names the operator. */
  readonly inScope: boolean
  readonly proof: ProofStory
  readonly next: NextStep
  readonly limits: NonNullable<RequestView['open']>['limits']
  /** By when the validator must be exiting, while that is still to come about. */
  readonly deadline: string | null
  /** While it is open, and where the module tells. */
  readonly lateCost: NonNullable<RequestView['open']>['lateCost']
}

export type ProofStory =
  | ({
      readonly kind: 'proven'
      /** The finalized block that holds its event, where that was looked at. */
      readonly block: FinalBlock | null
      readonly notes: readonly string[]
    } & (
      | { readonly by: 'finality' }
      /** Its transaction is in SUBMIT_TX_HASH_ALLOWLIST. */
      | { readonly by: 'direct'; readonly signers: readonly Signer[] }
      | {
          readonly by: 'report'
          readonly refSlot: string
          readonly refSlotAt: string | null
          readonly report: string
          /** ORACLE_QUORUM */
          readonly quorum: number
          /** Members of ORACLE_ADDRESSES_ALLOWLIST, each with the transaction of its vote. */
          readonly signers: readonly Signer[]
        }
    ))
  /** TRUST_MODE: nobody looked. */
  | { readonly kind: 'trusted' }
  | {
      readonly kind: 'unproven'
      readonly code: ProofReasonCode
      readonly short: string
      readonly meaning: string
      readonly expected: string
      readonly actual: string
      /** What each of two proofs lacks, and what consensus nodes say of the event. */
      readonly detail: string | null
    }
  | { readonly kind: 'not-judged' }

type Signer = { readonly address: string; readonly transaction: string }

export type MessageStory =
  | { readonly kind: 'webhook'; readonly host: string }
  | {
      readonly kind: 'held'
      readonly file: string
      readonly epoch: string
      /** More messages are still to be read: another one may count instead. */
      readonly more: boolean
    }
  | { readonly kind: 'missing'; readonly why: string | null }
  /** The location could not be read. */
  | { readonly kind: 'unknown'; readonly why: string }

/** What one consensus node says of the validator. */
export type NodeView = {
  readonly host: string
  readonly head: StateView
  /** `null`: not asked, since no node sees it exiting at head. */
  readonly finalized: StateView | null
}

export type StateView =
  | { readonly kind: 'unknown'; readonly optimistic: boolean }
  | {
      readonly kind: 'known'
      readonly optimistic: boolean
      readonly pubkey: string
      readonly status: string
      /** `null`: never, as things are. */
      readonly exitEpoch: string | null
      readonly exitAt: string | null
      readonly withdrawableEpoch: string | null
      readonly withdrawableAt: string | null
    }

/** What a story is told with, beside what was found. */
export type Setting = {
  readonly config: Pick<
    Config,
    | 'scope'
    | 'delivery'
    | 'dryRun'
    | 'trustMode'
    | 'oracleQuorum'
    | 'jobIntervalMs'
    | 'finalityEvents'
  >
  /** HOLD_FILE exists. */
  readonly isHeld: boolean
  /** When epochs begin, where that is known. */
  readonly info: ChainInfo | undefined
  /** Unix ms. */
  readonly now: number
}

/** Puts what was found into order. */
export function storyOf(found: ValidatorFound, setting: Setting): Story {
  const { subject, sightings, journal, blocks, problems } = found
  const { index } = subject
  const times = setting.info && chainTimes(setting.info)
  const entry = sightings?.head.find((one) => one.entry !== undefined)?.entry
  const history = index === undefined ? undefined : journal.facts.history.get(index)
  return {
    validator: { index: index ?? null, pubkey: subject.pubkey ?? entry?.pubkey ?? null },
    at: new Date(setting.now).toISOString(),
    requests: (found.cycle?.report.cases ?? [])
      .toSorted((a, b) => a.request.blockNumber - b.request.blockNumber)
      .map((one) => requestOf(one, found, setting, times)),
    message: messageOf(setting.config.delivery, index, found.messages),
    history: (history ?? []).map(happeningOf),
    registry: (sightings?.head ?? []).map((head) => {
      const finalized = sightings?.finalized.find(({ host }) => host === head.host)
      const told = finalized === undefined ? null : stateOf(finalized, times)
      return { host: head.host, head: stateOf(head, times), finalized: told }
    }),
    sources: {
      journal: found.isInJournal ? 'told' : journal.found === 'facts' ? 'silent' : journal.found,
      blocks: blocks ?? null,
    },
    problems,
  }
}

function requestOf(
  one: Case,
  found: ValidatorFound,
  { config, isHeld, now }: Setting,
  times: ChainTimes | undefined,
): RequestStory {
  const { facts } = found.journal
  const surroundings = { facts, now, dryRun: config.dryRun, isHeld }
  const full = viewOf(one, surroundings)
  const { validator, pubkey, open, history: _, proof: __, ...view } = full
  const offers = facts.offers.get(one.request.validatorIndex)
  const againAt = offers && found.cycle?.parts.nextOfferAt(offers)
  const plan: Plan = {
    intervalMs: config.jobIntervalMs,
    finalityEvents: config.finalityEvents,
    mode: config.delivery.mode,
    areMessagesKnown: config.delivery.mode === 'webhook' || found.messages?.loaded === true,
    isSentKnown: found.journal.found === 'facts',
    againAt: againAt === undefined ? null : new Date(againAt).toISOString(),
  }
  const inScope = isInScope(config.scope, one.request)
  return {
    ...view,
    named: { index: validator, pubkey },
    inScope,
    proof: proofOf(one, config, times, full.detail),
    next: nextStep(full, inScope, plan),
    limits: limitsOf(open),
    deadline: open?.deadline ?? null,
    lateCost: open?.lateCost ?? null,
  }
}

/** The module's own is the deadline, as a rule: that is told once. */
function limitsOf(open: RequestView['open']): RequestStory['limits'] {
  const limits = open?.limits ?? []
  const ofModule = limits.find(({ name }) => name === 'module')
  return limits.filter(({ name, at }) => name !== 'delinquent' || at !== ofModule?.at)
}

function proofOf(
  { verdict }: Case,
  { trustMode, oracleQuorum }: Setting['config'],
  times: ChainTimes | undefined,
  detail: string | null,
): ProofStory {
  if (trustMode) return { kind: 'trusted' }
  if (verdict === undefined) return { kind: 'not-judged' }
  if (verdict.kind === 'unproven') {
    const { code, expected, actual } = verdict
    const { short, long } = proofReasons[code]
    return { kind: 'unproven', code, short, meaning: long, expected, actual, detail }
  }
  const { by, refSlot, report, notes, block = null } = verdict
  const proven = { kind: 'proven' as const, block, notes }
  if (by === 'finality') return { ...proven, by }
  if (by !== 'report' || refSlot === undefined || report === undefined) {
    return { ...proven, by: 'direct', signers: signersOf(verdict, verdict.transactions) }
  }
  return {
    ...proven,
    by,
    refSlot: String(refSlot),
    refSlotAt: times?.ofSlot(refSlot) ?? null,
    report,
    quorum: oracleQuorum,
    // Behind the transaction of a report stand those of its votes, in the order of the signers.
    signers: signersOf(verdict, verdict.transactions.slice(1)),
  }
}

const signersOf = ({ signers }: Proven, transactions: readonly string[]): readonly Signer[] =>
  signers
    .map((address, at) => ({ address, transaction: transactions[at] ?? '' }))
    .toSorted((a, b) => (a.address < b.address ? -1 : 1))

function messageOf(
  delivery: Config['delivery'],
  index: ValidatorFound['subject']['index'],
  messages: Messages | undefined,
): MessageStory {
  if (delivery.mode === 'webhook') return { kind: 'webhook', host: new URL(delivery.url).host }
  if (index === undefined || messages === undefined) {
    return { kind: 'missing', why: 'its index is not known, and messages name nothing else' }
  }
  const held = messages.find(index)
  if (held !== undefined) {
    const { file, exit } = held
    return { kind: 'held', file, epoch: String(exit.epoch), more: !messages.loaded }
  }
  return messages.loaded
    ? { kind: 'missing', why: messages.whyMissing(index) ?? null }
    : { kind: 'unknown', why: messages.problem ?? 'they could not be read' }
}

function stateOf({ entry, optimistic }: RegistryAnswer, times: ChainTimes | undefined): StateView {
  if (entry === undefined) return { kind: 'unknown', optimistic }
  // Both epochs are set at once.
  const [exit, withdrawable] = isExiting(entry) ? [entry.exitEpoch, entry.withdrawableEpoch] : []
  const timeOf = (epoch: bigint | undefined) =>
    (epoch === undefined ? undefined : times?.ofEpoch(epoch)) ?? null
  return {
    kind: 'known',
    optimistic,
    pubkey: entry.pubkey,
    status: entry.status,
    exitEpoch: exit === undefined ? null : String(exit),
    exitAt: timeOf(exit),
    withdrawableEpoch: withdrawable === undefined ? null : String(withdrawable),
    withdrawableAt: timeOf(withdrawable),
  }
}
