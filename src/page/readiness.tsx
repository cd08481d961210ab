import { countOf } from './conditions.ts'
import type { Level } from './judgement.ts'
import { Bar, Card, Facts, More, When } from './parts.tsx'
import type { MessagesView, NextExitsRow, OperatorRow, StatusParts } from './status-document.ts'

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

export function Operators({ operators }: { readonly operators: StatusParts['operators'] }) {
  return (
    <Card id="operators" title="Modules and operators" note={countOf(operators.total, 'operator')}>
      <table>
        <caption class="unseen">Requested exits by operator</caption>
        <thead>
          <tr>
            <th scope="col">Operator</th>
            <th scope="col">Open</th>
            <th scope="col">Delayed</th>
            <th scope="col">Overdue</th>
            <th scope="col">Done</th>
          </tr>
        </thead>
        <tbody>
          {operators.rows.map((row) => (
            <OperatorLine key={`${row.module}:${row.operator}`} row={row} />
          ))}
        </tbody>
      </table>
      <More total={operators.total} shown={operators.rows.length} />
    </Card>
  )
}

function OperatorLine({ row }: { readonly row: OperatorRow }) {
  const { states, overdue } = row
  return (
    <tr>
      <th scope="row">
        {row.name ?? `Operator ${row.operator}`}
        <small>{`module ${row.module}, operator ${row.operator}`}</small>
      </th>
      <td>{states.proven + states.submitted}</td>
      <td>{overdue.delayed}</td>
      <td>{overdue.delinquent}</td>
      <td>{states.exiting + states.settled + states.lapsed}</td>
    </tr>
  )
}
