import { describeTimeLeft } from '../../requests/deadlines.ts'
import { type HappeningView, STATES } from '../../requests/rendering.ts'
import type { Colours } from '../context.ts'
import type { NodeView, ProofStory, RequestStory, StateView, Story } from './story.ts'

type Line = string

/** The story for people: a headline, then a paragraph on each of its parts. */
export function linesOf(story: Story, colours: Colours): readonly Line[] {
  const marks = marksOf(colours)
  const paragraphs: readonly (readonly [title: string, lines: readonly Line[]])[] = [
    ...story.requests.flatMap((request) => tellRequest(request, story, marks)),
    ...(story.requests.length === 0
      ? [['Requested', tellNotRequested(story, marks)] as const]
      : []),
    ['Message', [tellMessage(story, marks)]],
    ['Submitted', tellHistory(story, marks)],
    ['Registry', tellRegistry(story, marks)],
    ...story.requests.map((request) => ['Next', tellNext(request, story)] as const),
    ['Problems', story.problems.map((problem) => `${marks.doubt} ${problem}`)],
  ]
  const { index, pubkey } = story.validator
  const name = [index === null ? undefined : `Validator ${index}`, pubkey ?? undefined]
  return [
    colours.bold(name.filter((part) => part !== undefined).join('  ')),
    ...story.requests.map(({ state }) => STATES[state]),
    ...paragraphs
      .filter(([, lines]) => lines.length > 0)
      .flatMap(([title, lines]) => ['', colours.bold(title), ...lines.map(indent)]),
  ]
}

type Marks = Readonly<Record<'good' | 'doubt' | 'bad', string>>

const marksOf = ({ green, yellow, red }: Colours): Marks => ({
  good: green('✓'),
  doubt: yellow('!'),
  bad: red('✗'),
})

function tellRequest(request: RequestStory, story: Story, marks: Marks) {
  const age = secondsBetween(request.requestedAt, story.at)
  const when = `${timeOf(request.requestedAt)}${age < 0 ? '' : `, ${describeTimeLeft(age)} ago`}`
  const whose = request.inScope ? '' : ': not one of EJECTOR_SCOPE'
  const seen = request.seenAt === null ? [] : [`first read by the daemon ${timeOf(request.seenAt)}`]
  return [
    [
      'Requested',
      [
        `${when}, of module ${request.module}, operator ${request.operator}${whose}`,
        `in block ${request.block}, transaction ${request.transaction}`,
        ...seen,
        ...tellMixUp(request, story, marks),
      ],
    ],
    ['Proof', tellProof(request.proof, marks)],
  ] as const
}

function tellMixUp({ named }: RequestStory, { validator }: Story, marks: Marks): readonly Line[] {
  if (named.index === validator.index && named.pubkey === validator.pubkey) return []
  return [`${marks.doubt} it names index ${named.index} with public key ${named.pubkey}`]
}

function tellProof(proof: ProofStory, marks: Marks): readonly Line[] {
  switch (proof.kind) {
    case 'trusted':
      return [`${marks.doubt} believed without proof: TRUST_MODE is on`]
    case 'not-judged':
      return [`${marks.doubt} not judged: see the problems`]
    case 'unproven':
      return [
        `${marks.bad} not proven: ${proof.short} (${proof.code})`,
        `expected ${proof.expected}`,
        `found ${proof.actual}`,
        ...(proof.detail === null ? [] : [proof.detail]),
        proof.meaning,
      ]
    case 'proven':
      return tellProven(proof, marks)
  }
}

function tellProven(proof: Extract<ProofStory, { kind: 'proven' }>, marks: Marks) {
  const { block } = proof
  const held =
    block === null
      ? []
      : [
          `${marks.good} in the finalized block ${block.hash} of slot ${block.slot}, as ${block.confirmedBy.join(', ')} says`,
        ]
  const notes = [...held, ...proof.notes.map((note) => `${marks.doubt} ${note}`)]
  if (proof.by === 'finality') return notes
  const signers = proof.signers.map(({ address, transaction }) => `${address} in ${transaction}`)
  if (proof.by === 'direct') {
    return [
      `${marks.good} a direct request, whose transaction is in SUBMIT_TX_HASH_ALLOWLIST`,
      ...signers.map((signer) => `sent by ${signer}`),
      ...notes,
    ]
  }
  const slotAt = proof.refSlotAt === null ? '' : ` (${timeOf(proof.refSlotAt)})`
  return [
    `${marks.good} a report of the oracle on slot ${proof.refSlot}${slotAt}`,
    `report ${proof.report}`,
    `signed by ${countOf(proof.signers.length, 'member')} of ORACLE_ADDRESSES_ALLOWLIST, ORACLE_QUORUM is ${proof.quorum}:`,
    ...signers.map(indent),
    ...notes,
  ]
}

function tellNotRequested({ sources: { journal, blocks } }: Story, marks: Marks): readonly Line[] {
  const isInJournal = journal === 'silent' ? ', and STATE_FILE holds no request for it' : ''
  return blocks === null
    ? [`${marks.doubt} not known: the chain could not be read${isInJournal}`]
    : [
        `never within the blocks that were read, ${blocks.from} to ${blocks.to}${isInJournal}`,
        'for any operator; a larger BLOCKS_PRELOAD reads further back',
      ]
}

function tellMessage({ message, registry }: Story, marks: Marks): Line {
  const isExiting =
    registry.length > 0 &&
    registry.every(({ head }) => head.kind === 'known' && head.exitEpoch !== null)
  if (isExiting && (message.kind === 'missing' || message.kind === 'unknown')) {
    return 'none is needed any more: the validator is exiting, or has exited'
  }
  switch (message.kind) {
    case 'webhook':
      return `none is needed: the webhook at ${message.host} is called`
    case 'held': {
      const more = message.more ? '; more files are still to be read: another one may count' : ''
      return `${marks.good} ${message.file}, verified, valid from epoch ${message.epoch}${more}`
    }
    case 'missing':
      return `${marks.bad} none: ${message.why ?? 'no file holds one'}`
    case 'unknown':
      return `${marks.doubt} not known: ${message.why}`
  }
}

function tellHistory({ history, sources }: Story, marks: Marks): readonly Line[] {
  if (sources.journal === 'none') {
    return [`${marks.doubt} not known: without STATE_FILE a daemon remembers it in memory only`]
  }
  if (sources.journal === 'unreadable') return [`${marks.doubt} not known`]
  if (!history.some(({ kind }) => kind !== 'seen')) return ['nothing', ...history.map(tellSeen)]
  const last = history.findLast(({ kind }) => kind === 'accepted' || kind === 'refused')
  return history.flatMap((one) => {
    // What is answered needs no line of its own.
    if (one.kind === 'offered' && last !== undefined && one.at <= last.at) return []
    return tellHappening(one, marks)
  })
}

function tellHappening(one: HappeningView, marks: Marks): readonly Line[] {
  switch (one.kind) {
    case 'seen':
      return [tellSeen(one)]
    case 'offered':
      return [`${marks.doubt} ${timeOf(one.at)}  submitted, no answer is known yet`]
    default: {
      const mark = one.kind === 'accepted' ? marks.good : marks.bad
      return [
        `${mark} ${timeOf(one.at)}  ${one.kind === 'accepted' ? 'accepted' : 'rejected'}`,
        ...one.answers.map((answer) => indent(answer)),
      ]
    }
  }
}

const tellSeen = (one: HappeningView): Line =>
  `${timeOf(one.at)}  ${one.kind === 'seen' ? SEEN[one.as] : one.kind}`

const SEEN = {
  active: 'seen active in the registry',
  exiting: 'seen exiting in the registry',
  settled: 'seen exiting in the finalized state',
}

function tellRegistry({ registry }: Story, marks: Marks): readonly Line[] {
  if (registry.length === 0)
    return [`${marks.doubt} not known: no consensus node answered about it`]
  return registry.flatMap(({ host, head, finalized }: NodeView) => [
    `${host}, head: ${tellState(head)}`,
    ...(finalized === null ? [] : [`${host}, finalized: ${tellState(finalized)}`]),
  ])
}

function tellState(view: StateView): string {
  const optimistic = view.optimistic ? ' (optimistic: not verified by that node yet)' : ''
  if (view.kind === 'unknown') return `does not know it${optimistic}`
  const { status, exitEpoch, exitAt, withdrawableEpoch, withdrawableAt } = view
  const exit = exitEpoch === null ? 'not exiting' : `exit ${epochOf(exitEpoch, exitAt)}`
  const withdrawable =
    withdrawableEpoch === null ? '' : `, withdrawable ${epochOf(withdrawableEpoch, withdrawableAt)}`
  return `${status}, ${exit}${withdrawable}${optimistic}`
}

const epochOf = (epoch: string, at: string | null) =>
  `at epoch ${epoch}${at === null ? '' : ` (${timeOf(at)})`}`

function tellNext(request: RequestStory, { requests }: Story): readonly Line[] {
  const { next, limits, state, deadline, lateCost } = request
  const which = requests.length === 1 ? '' : `request in block ${request.block}, ${state}: `
  const at = next.at === null ? '' : ` from ${timeOf(next.at)}.`
  const due =
    deadline === null ? [] : limits.map((limit) => tellLimit(limit, deadline, lateCost?.text))
  return [`${which}${next.text}${at}`, ...due]
}

const LIMIT = {
  delayed: 'it counts as delayed',
  delinquent: 'it counts as delinquent',
  module: 'the staking module counts it as late',
}

function tellLimit(
  { name, at, secondsLeft }: RequestStory['limits'][number],
  deadline: string,
  cost: string | undefined,
): Line {
  const when =
    secondsLeft < 0 ? describeTimeLeft(secondsLeft) : `in ${describeTimeLeft(secondsLeft)}`
  const title = name !== 'delayed' && at === deadline ? 'deadline: ' : ''
  const then = name === 'module' && cost !== undefined ? `, then ${cost}` : ''
  return `${title}${LIMIT[name]} from ${timeOf(at)}, ${when}${then}`
}

/** `2026-11-20 09:25:11 UTC`. */
const timeOf = (iso: string) => iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')

const secondsBetween = (from: string, to: string) =>
  Math.floor((Date.parse(to) - Date.parse(from)) / 1_000)

const countOf = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

const indent = (line: Line) => `  ${line}`
