import { messageOf } from '../../lib/message-of.ts'
import type { MessageSnapshot } from '../../messages/snapshot.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import { type OperatorOrder, runwayOf } from '../../requests/next-exits.ts'
import { gatherOrders } from '../gather/next-exits.ts'
import { inTime, type Parts } from '../gather/parts.ts'
import { type Finding, ok, warning } from './finding.ts'

const ID = 'next-exits'
const REMEDY = 'see what is ✗ above; where nothing is, run check again when the nodes answer'

/** Do the messages reach those that will be requested next? */
export async function checkNextExits(
  parts: Parts,
  cases: readonly Case[],
  snapshot: MessageSnapshot | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  try {
    const { orders, problems } = await inTime(signal, (deadline) =>
      gatherOrders(parts, cases, deadline),
    )
    return [
      ...orders.map((order) => tellOrder(order, snapshot)),
      ...problems.map((detail) => warning({ id: ID, title: 'keys', detail, remedy: REMEDY })),
    ]
  } catch (error) {
    signal.throwIfAborted()
    return [warning({ id: ID, title: 'keys', detail: messageOf(error), remedy: REMEDY })]
  }
}

function tellOrder(order: OperatorOrder, snapshot: MessageSnapshot | undefined): Finding {
  const { moduleId, operatorId, keys, overTarget } = order
  const title = `operator ${operatorId} of module ${moduleId}`
  if (keys.length === 0) return ok(ID, title, 'no key that can be requested')
  const reach = runwayOf(keys, (index) => snapshot?.exits.has(index) === true)
  const { suggested, signed, runway, missing } = reach
  const forced =
    overTarget === 0 ? '' : `; the module wants ${overTarget} to exit whatever the demand`
  const tenth = `the next 10 % are ${suggested} ${suggested === 1 ? 'key' : 'keys'}`
  if (snapshot === undefined) return ok(ID, title, `${tenth}${forced}`)
  if (signed === suggested) {
    const detail = `${tenth}, all signed; ${runway} in a row can be served${forced}`
    return ok(ID, title, detail)
  }
  const detail = `${tenth}, ${signed} signed; the first one that lacks a message is ${missing[0]?.index}`
  const remedy = `sign these next: validator-ejector next --missing --module ${moduleId} --operator ${operatorId}`
  return warning({ id: ID, title, detail: `${detail}${forced}`, remedy })
}
