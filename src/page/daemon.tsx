import { countOf } from './conditions.ts'
import { Card, Facts, When } from './parts.tsx'
import type { StatusDocument, StatusParts } from './status-document.ts'

type Now = { readonly now: string }

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
      {lists.map(([title, list]) => (
        <Addresses key={title} title={title} list={list} />
      ))}
      {differs && (
        <p class="note">
          The log has the new line for ORACLE_ADDRESSES_ALLOWLIST. Check it with the protocol first.
        </p>
      )}
    </Card>
  )
}

function Addresses({ title, list }: { readonly title: string; readonly list: readonly string[] }) {
  if (list.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul class="keys">
        {list.map((address) => (
          <li key={address}>
            <code>{address}</code>
          </li>
        ))}
      </ul>
    </>
  )
}

/** The last second that a date can say: a node may tell later ones. */
const LAST_S = 8_640_000_000_000

function Announced({ seconds, now }: { readonly seconds: number } & Now) {
  return <When at={new Date(Math.min(seconds, LAST_S) * 1_000).toISOString()} now={now} />
}

const GOES_TO = {
  message: 'the consensus nodes',
  webhook: 'the webhook',
  watch: 'nobody: it only watches',
} as const

export function Daemon({ status }: { readonly status: StatusDocument }) {
  const { at: now, startedAt, lastCycle, cycles, mode, journal } = status
  const scope =
    mode.scope === 'all'
      ? 'all'
      : Object.entries(mode.scope)
          .map(([module, ids]) => `module ${module}: ${ids.join(', ')}`)
          .join('; ')
  return (
    <Card id="daemon" title="Daemon">
      <Facts
        rows={[
          ['Version', status.version],
          ['Network', mode.network ?? 'not known yet'],
          ['Exits go to', GOES_TO[mode.delivery]],
          ['Operators', scope],
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
