import type { Endpoint } from './endpoints.ts'

/**
 * The first node that answers, of those that may be asked now. Unlike `Endpoints.first` it counts
 * neither for nor against a node: what is asked here is no part of a cycle.
 *
 * @param hosts - of the nodes that may be asked, best first
 * @throws what the last node threw
 */
export async function firstAnswer<Node, Value>(
  nodes: readonly Endpoint<Node>[],
  hosts: readonly string[],
  work: (node: Node, host: string) => Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  let last: unknown = new Error('no node may be asked')
  for (const host of hosts) {
    const endpoint = nodes.find((one) => one.host === host)
    if (endpoint === undefined) continue
    try {
      return await work(endpoint.node, host)
    } catch (error) {
      signal.throwIfAborted()
      last = error
    }
  }
  throw last
}
