import type { ComponentChildren } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { describeTimeLeft } from '../requests/deadlines.ts'
import { countOf } from './conditions.ts'
import { Daemon, Nodes, Oracle } from './daemon.tsx'
import { type Finding, type Judgement, judge, type Level } from './judgement.ts'
import { exactTime, Mark, When } from './parts.tsx'
import { Messages, Modules, NextExits, Operators } from './readiness.tsx'
import { Exits, Requests } from './requests.tsx'
import type { StatusDocument } from './status-document.ts'

/**
 * The whole page as HTML, of what `/status` gives as JSON.
 *
 * @param told - a validator whose story is wanted, however far down the list it is
 */
export const renderPage = (status: StatusDocument, told?: number): string =>
  `<!doctype html>${renderToString(<Page status={status} told={told} />)}`

const HEADLINES: Readonly<Record<Level, string>> = {
  well: 'All is well',
  look: 'Look at this',
  act: 'Act now',
}

/** In the tab of the browser: a dot in the colour of the judgement. */
const COLOURS: Readonly<Record<Level, string>> = { well: '1a7f4b', look: 'c47f00', act: 'd02f2f' }
const iconOf = (level: Level) =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23${COLOURS[level]}'/%3E%3C/svg%3E`

type PageProps = { readonly status: StatusDocument; readonly told: number | undefined }

function Page({ status, told }: PageProps) {
  const judgement = judge(status)
  const { level } = judgement
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${HEADLINES[level]} · Validator Ejector`}</title>
        <link rel="icon" href={iconOf(level)} />
        <link rel="stylesheet" href="page.css" />
        <script src="page.js" defer />
        <noscript>
          <meta http-equiv="refresh" content="60" />
        </noscript>
      </head>
      <body>
        <a class="skip" href="#main">
          To the content
        </a>
        <p id="news" class="unseen" role="status" />
        <p id="stale" class="banner act" role="alert" hidden>
          The daemon does not answer. What you see is old.
        </p>
        <div id="page">
          <Header status={status} />
          <main id="main">
            <Banners mode={status.mode} />
            <Verdict judgement={judgement} status={status} />
            <Tiles status={status} />
            <Sections status={status} told={told} />
          </main>
        </div>
      </body>
    </html>
  )
}

function Header({ status: { version, mode, at } }: { readonly status: StatusDocument }) {
  return (
    <header>
      <h1>Validator Ejector</h1>
      <p class="note">
        {`${mode.network === null ? '' : `${mode.network} · `}${version}`}
        {' · as of '}
        <time dateTime={at} title={exactTime(at)}>
          {`${at.slice(11, 19)} UTC`}
        </time>
        {' · '}
        <a href="./">Refresh</a>
      </p>
    </header>
  )
}

function Banners({ mode }: Pick<StatusDocument, 'mode'>) {
  const banners = [
    [
      mode.trustMode,
      'act',
      'TRUST_MODE',
      'Requests are believed without proof: a lying node can exit your validators.',
    ],
    [mode.dryRun, 'look', 'DRY_RUN', 'A rehearsal: no exit is submitted.'],
    [mode.onHold, 'look', 'HOLD', 'HOLD_FILE exists: no exit is submitted until you remove it.'],
  ] as const
  return banners.map(
    ([isOn, level, name, text]) =>
      isOn && (
        <p key={name} class={`banner ${level}`}>
          <b>{name}</b> {text}
        </p>
      ),
  )
}

function Verdict({ judgement, status }: { judgement: Judgement; status: StatusDocument }) {
  const { level, findings } = judgement
  const [first, ...others] = findings
  return (
    <section id="verdict" class={`verdict ${level}`} aria-labelledby="sentence">
      <Mark level={level} />
      <div>
        <h2 id="sentence">{sentenceOf(judgement, status)}</h2>
        {first !== undefined && (
          <p class="remedy">
            {first.remedy !== undefined && `${first.remedy} `}
            <a href={`#${first.section}`}>See the details</a>
            {first.alert !== undefined && ` · alert ValidatorEjector${first.alert}`}
          </p>
        )}
        {others.length > 0 && (
          <ul class="findings">
            {others.map((finding) => (
              <Found key={finding.text} finding={finding} />
            ))}
          </ul>
        )}
      </div>
    </section>
  )
}

function sentenceOf({ level, findings }: Judgement, { requests }: StatusDocument): string {
  const [first] = findings
  if (first !== undefined)
    return `${HEADLINES[level]}: ${first.text.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase())}.`
  const open = requests?.open.total ?? 0
  if (open === 0) return 'All is well: no exit is open.'
  return `All is well: ${countOf(open, 'exit is', 'exits are')} on the way.`
}

function Found({ finding: { level, text, section, alert } }: { readonly finding: Finding }) {
  return (
    <li>
      <Mark level={level} />
      <a href={`#${section}`} title={alert && `alert ValidatorEjector${alert}`}>
        {text}
      </a>
    </li>
  )
}

type TileProps = {
  readonly href: string
  readonly title: string
  readonly figure: ComponentChildren
  readonly children: ComponentChildren
}

function Tile({ href, title, figure, children }: TileProps) {
  return (
    <li>
      <a href={href}>
        <span>{title}</span>
        <b>{figure}</b>
        <small>{children}</small>
      </a>
    </li>
  )
}

/** Four figures that answer most questions. */
function Tiles({ status }: { readonly status: StatusDocument }) {
  const { requests, operators, nextExits, nodes = [], messages, lastCycle, at } = status
  const lefts = (operators?.rows ?? []).flatMap(({ timeLeftSeconds }) => timeLeftSeconds ?? [])
  const runways = (nextExits?.rows ?? []).flatMap(({ runway, suggested }) =>
    suggested ? (runway ?? []) : [],
  )
  const synced = nodes.filter((node) => node.synced).length
  return (
    <ul class="tiles">
      <Tile
        href="#requests"
        title="Open exits"
        figure={requests?.open.total.toLocaleString('en') ?? '–'}
      >
        {lefts.length === 0
          ? 'no deadline'
          : `next deadline: ${describeTimeLeft(Math.min(...lefts))}`}
      </Tile>
      {messages !== undefined && status.mode.delivery === 'message' && (
        <Tile
          href="#next"
          title="Runway"
          figure={runways.length === 0 ? '–' : Math.min(...runways).toLocaleString('en')}
        >
          requests in a row can be served
        </Tile>
      )}
      <Tile href="#nodes" title="Nodes" figure={`${synced} / ${nodes.length}`}>
        up and synced
      </Tile>
      <Tile
        href="#daemon"
        title="Last cycle"
        figure={lastCycle === null ? '–' : lastCycle.ok ? 'good' : 'failed'}
      >
        {lastCycle === null ? 'not yet' : <When at={lastCycle.endedAt} now={at} />}
      </Tile>
    </ul>
  )
}

/** Each where the document has its part. */
function Sections({ status, told }: PageProps) {
  const {
    at: now,
    mode,
    requests,
    exits,
    messages,
    nextExits,
    nodes,
    reading,
    drift,
    operators,
    modules,
  } = status
  const hasMessages = mode.delivery === 'message'
  return (
    <>
      {requests !== undefined && <Requests requests={requests} told={told} now={now} />}
      {modules !== undefined && <Modules modules={modules} />}
      {operators !== undefined && (modules !== undefined || operators.total > 1) && (
        <Operators operators={operators} />
      )}
      {nextExits !== undefined && nextExits.total > 0 && <NextExits nextExits={nextExits} />}
      <div class="columns">
        {exits !== undefined && <Exits exits={exits} now={now} />}
        {hasMessages && messages !== undefined && <Messages messages={messages} now={now} />}
        {nodes !== undefined && <Nodes nodes={nodes} reading={reading} now={now} />}
        {drift !== undefined && mode.delivery !== 'watch' && (
          <Oracle drift={drift} trustMode={mode.trustMode} now={now} />
        )}
        <Daemon status={status} />
      </div>
    </>
  )
}
