import { countOf, type Level } from './judgement.ts'
import { Bar, Card, Facts, More, When } from './parts.tsx'
import type {
  MessagesView,
  NextExitsRow,
  OperatorRow,
  StatusDocument,
  StatusParts,
} from './status-document.ts'

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
          <summary>
            {`Without a message: ${missing[0]?.validator}${missing.length > 1 ? ` and more` : ''}`}
          </summary>
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

type NodesProps = {
  readonly nodes: StatusParts['nodes']
  readonly reading: StatusDocument['reading'] | undefined
} & Now

export function Nodes({ nodes, reading, now }: NodesProps) {
  return (
    <Card
      id="nodes"
      title="Nodes"
      note={
        reading?.finalizedAt && (
          <>
            finalized <When at={reading.finalizedAt} now={now} />
          </>
        )
      }
    >
      <table>
        <caption class="unseen">Nodes that the daemon asks</caption>
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Layer</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map(({ layer, host, up, synced, why }) => (
            <tr key={layer + host}>
              <th scope="row">{host}</th>
              <td>{layer}</td>
              <td>
                <span class={`pill ${synced ? 'well' : 'look'}`}>
                  {synced ? 'synced' : up ? 'not used' : 'no answer'}
                </span>
                {why !== null && <small>{why}</small>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {reading !== undefined && reading.unreadBlocks > 0 && (
        <p>{`${countOf(reading.unreadBlocks, 'block')} cannot be read. The log names them.`}</p>
      )}
    </Card>
  )
}

export function Oracle({
  drift,
  trustMode,
  now,
}: { drift: StatusParts['drift']; trustMode: boolean } & Now) {
  if (drift === null) {
    return (
      <Card id="oracle" title="Oracle keys">
        <p class="empty">
          {trustMode ? 'Nothing is proven in TRUST_MODE.' : 'They have not been compared yet.'}
        </p>
      </Card>
    )
  }
  const { missing, announced, stale, kept, vacant, at, node } = drift
  const lists = [
    ['Sign, and are not in the allowlist', missing],
    ['In the allowlist, and sign no more', stale],
    ['Sign no more, and still needed by an open request', kept],
    ['Members without a signer', vacant],
  ] as const
  const differs = announced.length + lists.reduce((sum, [, list]) => sum + list.length, 0) > 0
  return (
    <Card
      id="oracle"
      title="Oracle keys"
      note={
        <>
          compared <When at={at} now={now} />
        </>
      }
    >
      {!differs && (
        <p class="empty">{`The allowlist names the signers of the oracle, as ${node} says.`}</p>
      )}
      {announced.length > 0 && (
        <>
          <h3>Announced, and not in the allowlist</h3>
          <ul class="keys">
            {announced.map(({ signer, activeFrom }) => (
              <li key={signer}>
                <code>{signer}</code> signs <Announced seconds={activeFrom} now={now} />
              </li>
            ))}
          </ul>
        </>
      )}
      {lists.map(
        ([title, list]) =>
          list.length > 0 && (
            <div key={title}>
              <h3>{title}</h3>
              <ul class="keys">
                {list.map((address) => (
                  <li key={address}>
                    <code>{address}</code>
                  </li>
                ))}
              </ul>
            </div>
          ),
      )}
      {differs && (
        <p class="note">
          The log has the new line for ORACLE_ADDRESSES_ALLOWLIST. Check it with the protocol first.
        </p>
      )}
    </Card>
  )
}

/** The last second that a date can say: a node may tell later ones. */
const LAST_S = 8_640_000_000_000

function Announced({ seconds, now }: { readonly seconds: number } & Now) {
  return <When at={new Date(Math.min(seconds, LAST_S) * 1_000).toISOString()} now={now} />
}

export function Daemon({ status }: { readonly status: StatusDocument }) {
  const { at: now, startedAt, lastCycle, cycles, mode, journal } = status
  const scope = Object.entries(mode.scope).map(
    ([module, ids]) => `module ${module}: ${ids.join(', ')}`,
  )
  return (
    <Card id="daemon" title="Daemon">
      <Facts
        rows={[
          ['Version', status.version],
          ['Network', mode.network ?? 'not known yet'],
          ['Exits go to', mode.delivery === 'webhook' ? 'the webhook' : 'the consensus nodes'],
          ['Operators', scope.join('; ') || 'all'],
          ['Started', <When key="at" at={startedAt} now={now} />],
          [
            'Last cycle',
            lastCycle === null ? 'not yet' : <When key="at" at={lastCycle.endedAt} now={now} />,
          ],
          [
            'Last good cycle',
            cycles.lastGoodAt === null ? (
              'not yet'
            ) : (
              <When key="at" at={cycles.lastGoodAt} now={now} />
            ),
          ],
          ['State file', journal?.degraded === true ? 'cannot be written' : 'in order'],
        ]}
      />
      {lastCycle !== null && !lastCycle.ok && (
        <>
          <h3>What failed in the last cycle</h3>
          <ul class="plain">
            {lastCycle.failures.map((failure) => (
              <li key={failure}>{failure}</li>
            ))}
          </ul>
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
