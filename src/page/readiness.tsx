import { countOf } from './conditions.ts'
import type { Level } from './judgement.ts'
import { Bar, Card, Facts, More, When } from './parts.tsx'
import type { MessagesView, ModuleRow, NextExitsRow, StatusParts } from './status-document.ts'

type Now = { readonly now: string }

/** How far the messages reach, for each operator. */
export function NextExits({ nextExits }: { readonly nextExits: StatusParts['nextExits'] }) {
  return (
    <Card id="next" title="What will be requested next">
      {nextExits.total === 0 && (
        <p class="empty">The order of the next exits has not been read yet.</p>
      )}
      <ul class="rows">
        {nextExits.rows.map((row) => (
          <li key={`${row.module}:${row.operator}`} class="runway">
            <Runway row={row} />
          </li>
        ))}
      </ul>
      <More total={nextExits.total} shown={nextExits.rows.length} />
    </Card>
  )
}

function levelOf({ runway, suggested }: NextExitsRow): Level {
  if (runway === null || suggested === null || suggested === 0) return 'well'
  if (runway === 0) return 'act'
  return runway < suggested / 2 ? 'look' : 'well'
}

function Runway({ row }: { readonly row: NextExitsRow }) {
  const { runway, suggested, signed, missing, keys, overTarget } = row
  const list = `missing-${row.module}-${row.operator}`
  return (
    <>
      <div class="runway-head">
        <span class="who">
          <b>{row.name ?? `Operator ${row.operator}`}</b>
          <small>{`module ${row.module}, operator ${row.operator}, ${countOf(keys, 'key')}`}</small>
        </span>
        {runway !== null && (
          <span class="figure">
            <b>{runway.toLocaleString('en')}</b>
            <small>{`${runway === 1 ? 'request' : 'requests'} in a row can be served`}</small>
          </span>
        )}
      </div>
      {suggested !== null && suggested > 0 && signed !== null && (
        <>
          <Bar value={signed} max={suggested} level={levelOf(row)} />
          <p class="note">{`${signed} of the first ${suggested} have a message: the tenth that the protocol suggests`}</p>
        </>
      )}
      {overTarget > 0 && (
        <p class="note">{`The module wants ${overTarget} of them to exit whatever the demand.`}</p>
      )}
      {missing.length > 0 && (
        <details id={list}>
          <summary>{`The first one without a message: ${missing[0]?.validator}`}</summary>
          <div class="story">
            <button type="button" data-copy={`${list}-keys`} hidden>
              Copy public keys
            </button>
            <ol id={`${list}-keys`} class="keys">
              {missing.map(({ validator, pubkey }) => (
                <li key={validator}>
                  <b>{validator}</b> <code>{pubkey}</code>
                </li>
              ))}
            </ol>
            <p class="note">{`All of them: validator-ejector next --missing --module ${row.module} --operator ${row.operator}`}</p>
          </div>
        </details>
      )}
    </>
  )
}

export function Messages({ messages, now }: { readonly messages: MessagesView | null } & Now) {
  if (messages === null) {
    return (
      <Card id="messages" title="Messages">
        <p class="empty">They are still loading.</p>
      </Card>
    )
  }
  const { left, used, refused, superseded, files, readAt } = messages
  return (
    <Card
      id="messages"
      title="Messages"
      note={
        readAt !== null && (
          <>
            read <When at={readAt} now={now} />
          </>
        )
      }
    >
      <Facts
        rows={[
          ['Unused', left.total.toLocaleString('en')],
          ['Used', used.total.toLocaleString('en')],
          ['Files', files.toLocaleString('en')],
          ['Replaced by another one', superseded.total.toLocaleString('en')],
        ]}
      />
      {refused.total > 0 && (
        <>
          <h3>{`Rejected (${refused.total})`}</h3>
          <ul class="plain">
            {refused.rows.map((row) => (
              <li key={`${row.file}:${row.entry}`}>
                <b class="file">{row.file}</b>
                {row.entry !== null && ` entry ${row.entry}`}
                {row.validator !== null && ` (validator ${row.validator})`}: {row.meaning}
                {row.detail !== '' && `: ${row.detail}`}. <span class="note">{row.remedy}</span>
              </li>
            ))}
          </ul>
          <More total={refused.total} shown={refused.rows.length} />
        </>
      )}
    </Card>
  )
}

/** `watch`: how each module does. */
export function Modules({ modules }: { readonly modules: readonly ModuleRow[] }) {
  return (
    <Card id="modules" title="Modules" note={countOf(modules.length, 'module')}>
      <ExitTable
        caption="Requested exits by module"
        rows={modules.map(({ module, name, operators, asked, overdue, ...row }) => ({
          key: String(module),
          name: name ?? `Module ${module}`,
          note: `module ${module}: ${asked} of ${operators ?? '?'} operators asked`,
          figures: [row.open, overdue.delayed, overdue.delinquent, row.reportedLate, row.done],
        }))}
      />
    </Card>
  )
}

export function Operators({ operators }: { readonly operators: StatusParts['operators'] }) {
  return (
    <Card id="operators" title="Operators" note={countOf(operators.total, 'operator')}>
      <ExitTable
        caption="Requested exits by operator"
        rows={operators.rows.map(({ module, operator, name, states, overdue, watched }) => ({
          key: `${module}:${operator}`,
          name: name ?? `Operator ${operator}`,
          note: `module ${module}, operator ${operator}`,
          figures: [
            watched?.open ?? states.proven + states.submitted,
            overdue.delayed,
            overdue.delinquent,
            watched?.reportedLate ?? 0,
            watched?.done ?? states.exiting + states.settled + states.lapsed,
          ],
        }))}
      />
      <More total={operators.total} shown={operators.rows.length} />
    </Card>
  )
}

const COLUMNS = ['Open', 'Delayed', 'Overdue', 'Proven late', 'Done'] as const

type ExitTableProps = {
  readonly caption: string
  readonly rows: readonly {
    readonly key: string
    readonly name: string
    readonly note: string
    readonly figures: readonly number[]
  }[]
}

function ExitTable({ caption, rows }: ExitTableProps) {
  return (
    <div class="wide">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Who</th>
            {COLUMNS.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, name, note, figures }) => (
            <tr key={key} class={(figures[2] ?? 0) > 0 ? 'late' : undefined}>
              <th scope="row">
                {name}
                <small>{note}</small>
              </th>
              {figures.map((figure, at) => (
                <td key={COLUMNS[at]}>{figure.toLocaleString('en')}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
