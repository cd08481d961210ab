import type { ComponentChildren } from 'preact'
import { describeTimeLeft } from '../requests/deadlines.ts'
import { STATES } from '../requests/rendering.ts'
import { countOf } from './conditions.ts'
import type { Level } from './judgement.ts'
import { Bar, Card, exactTime, More, When } from './parts.tsx'
import type { ExitRow, OpenRow, StatusParts, UnprovenRow } from './status-document.ts'

type Now = { readonly now: string }
type Step = readonly [at: string | null, text: string]

/** Seconds: that of the alert. */
const HOURS_24 = 24 * 3_600

/** Open requests whose story is on the page from the start: the most urgent ones. Others are a link away. */
const STORIES = 100

type RequestsProps = {
  readonly requests: StatusParts['requests']
  /** A validator whose story was asked for. */
  readonly told: number | undefined
} & Now

export function Requests({ requests, told, now }: RequestsProps) {
  const { open, unproven } = requests
  const note = open.total === 0 ? undefined : countOf(open.total, 'open exit')
  return (
    <Card id="requests" title="Requested exits" note={note}>
      {open.total + unproven.total === 0 && (
        <p class="empty">Nothing is open. The protocol waits for none of your validators.</p>
      )}
      {unproven.total > 0 && (
        <>
          <h3>{`Not proven (${unproven.total})`}</h3>
          <ul class="rows">
            {unproven.rows.map((row) => (
              <Unproven key={row.transaction + row.validator} row={row} now={now} />
            ))}
          </ul>
          <More total={unproven.total} shown={unproven.rows.length} />
        </>
      )}
      {unproven.total > 0 && open.total > 0 && <h3>{`Open (${open.total})`}</h3>}
      <ul class="rows">
        {open.rows.map((row, at) => (
          <Open
            key={row.transaction + row.validator}
            row={row}
            hasStory={at < STORIES || row.validator === told}
            isOpen={row.validator === told}
            now={now}
          />
        ))}
      </ul>
      <More total={open.total} shown={open.rows.length} />
    </Card>
  )
}

function levelOf({ timeLeftSeconds, reason, ageSeconds }: OpenRow): Level {
  const left = timeLeftSeconds ?? Number.POSITIVE_INFINITY
  if (left <= HOURS_24 || reason === 'no-message') return 'act'
  return left <= ageSeconds ? 'look' : 'well'
}

type OpenProps = {
  readonly row: OpenRow
  readonly hasStory: boolean
  readonly isOpen: boolean
} & Now

function Open({ row, hasStory, isOpen, now }: OpenProps) {
  const { validator, pubkey, block, remedy, detail, lateCost } = row
  const id = `open-${validator}-${block}`
  if (!hasStory) {
    return (
      <li>
        <a class="row" id={id} href={`./?validator=${validator}#${id}`}>
          <OpenLine row={row} />
        </a>
      </li>
    )
  }
  return (
    <li>
      <details id={id} open={isOpen}>
        <summary class="row">
          <OpenLine row={row} />
        </summary>
        <Story pubkey={pubkey} steps={stepsOf(row)} now={now}>
          <p>
            <b>Next: </b>
            {remedy ?? 'nothing to do.'}
            {detail !== null && ` (${detail})`}
          </p>
          {lateCost !== null && (
            <p>
              <When at={lateCost.from} now={now} />
              {`: late for the staking module, which takes ${lateCost.text}.`}
            </p>
          )}
        </Story>
      </details>
    </li>
  )
}

function OpenLine({ row }: { readonly row: OpenRow }) {
  const { state, meaning, deadline, timeLeftSeconds: left, ageSeconds } = row
  const level = levelOf(row)
  return (
    <>
      <Who row={row} />
      <span class={`pill ${level}`}>{meaning ?? STATES[state]}</span>
      {left !== null && deadline !== null && (
        <>
          <Bar value={ageSeconds} max={ageSeconds + left} level={level} />
          <time class="left" dateTime={deadline} title={exactTime(deadline)}>
            {describeTimeLeft(left)}
          </time>
        </>
      )}
    </>
  )
}

function Unproven({ row, now }: { readonly row: UnprovenRow } & Now) {
  return (
    <li>
      <details id={`unproven-${row.transaction}-${row.validator}`}>
        <summary class="row">
          <Who row={row} />
          <span class="pill act">{row.meaning ?? 'not judged yet'}</span>
          <span class="left">
            <When at={row.requestedAt} now={now} />
          </span>
        </summary>
        <Story pubkey={row.pubkey} steps={requestedSteps(row)} now={now}>
          <p>
            <b>Nothing is submitted. </b>
            {row.remedy}
          </p>
          {row.detail !== null && <p>{row.detail}</p>}
        </Story>
      </details>
    </li>
  )
}

export function Exits({ exits, now }: { readonly exits: StatusParts['exits'] } & Now) {
  return (
    <Card
      id="exits"
      title="Last exits"
      note={exits.total > 0 ? countOf(exits.total, 'exit') : undefined}
    >
      {exits.total === 0 && <p class="empty">No exit yet within the blocks that were read.</p>}
      <ul class="rows">
        {exits.rows.map((row) => (
          <li key={row.validator}>
            <details id={`exit-${row.validator}-${row.requestedAt}`}>
              <summary class="row">
                <Who row={row} />
                <span class="pill well">{row.state === 'exiting' ? 'exiting' : 'exited'}</span>
                <span class="left">
                  <When at={row.exitingAt ?? row.requestedAt} now={now} />
                </span>
              </summary>
              <Story pubkey={row.pubkey} steps={exitSteps(row)} now={now}>
                <p>{`Now ${STATES[row.state]}.`}</p>
              </Story>
            </details>
          </li>
        ))}
      </ul>
      <More total={exits.total} shown={exits.rows.length} />
    </Card>
  )
}

function Who({ row }: { readonly row: Pick<OpenRow, 'validator' | 'module' | 'operator'> }) {
  return (
    <span class="who">
      <b>{`Validator ${row.validator}`}</b>
      <small>{`module ${row.module}, operator ${row.operator}`}</small>
    </span>
  )
}

const requestedSteps = (
  row: Pick<UnprovenRow, 'requestedAt' | 'seenAt' | 'block' | 'transaction'>,
) => [
  [row.requestedAt, `requested in block ${row.block}, transaction ${row.transaction}`] as Step,
  ...(row.seenAt === null ? [] : [[row.seenAt, 'first read by the daemon'] as Step]),
]

const offerSteps = ({ offers }: Pick<OpenRow, 'offers'>): readonly Step[] =>
  offers.map(({ at, accepted, answers }) => [
    at,
    `${accepted ? 'accepted' : 'not accepted'}: ${answers.join('; ')}`,
  ])

const proofSteps = ({ proof }: Pick<OpenRow, 'proof'>): readonly Step[] => {
  if (proof === null) return []
  const signers = proof.signers.length === 0 ? '' : `, signed by ${proof.signers.join(', ')}`
  const hosts = proof.confirmedBy
  const final = hosts.length === 0 ? '' : `, in a finalized block as ${hosts.join(', ')} says`
  return [[null, `proven by ${proof.by}${signers}${final}`]]
}

const stepsOf = (row: OpenRow): readonly Step[] => [
  ...requestedSteps(row),
  ...proofSteps(row),
  ...(row.file === null ? [] : [[null, `its message is ${row.file}`] as Step]),
  ...offerSteps(row),
]

const exitSteps = (row: ExitRow): readonly Step[] => [
  [row.requestedAt, 'requested'],
  ...(row.seenAt === null ? [] : [[row.seenAt, 'first read by the daemon'] as Step]),
  ...proofSteps(row),
  ...offerSteps(row),
  ...(row.exitingAt === null ? [] : [[row.exitingAt, 'seen exiting'] as Step]),
  ...(row.settledAt === null ? [] : [[row.settledAt, 'in the finalized state'] as Step]),
]

type StoryProps = {
  readonly pubkey: string
  readonly steps: readonly Step[]
  readonly children: ComponentChildren
} & Now

function Story({ pubkey, steps, children, now }: StoryProps) {
  return (
    <div class="story">
      <code>{pubkey}</code>
      <ol>
        {steps.map(([at, text]) => (
          <li key={text}>
            {text}
            {at !== null && (
              <>
                {' '}
                <When at={at} now={now} />
              </>
            )}
          </li>
        ))}
      </ol>
      {children}
    </div>
  )
}
