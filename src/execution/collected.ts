import type { ModuleId } from '../lib/primitives.ts'
import type { ExitRequest, RequestKey } from '../requests/exit-request.ts'
import type { Contracts } from './contracts.ts'

/** Requests that one node may bring in one reading; a year of genuine ones is fewer. */
const MOST_OF_ONE_NODE = 10_000

export type Collected = ReturnType<typeof createCollected>

/** What nodes gave since the cycle last asked for it. */
/** @param most - requests that one node may bring */
export function createCollected(most = MOST_OF_ONE_NODE) {
  const requests = new Map<RequestKey, ExitRequest>()
  const reportedBy = new Map<RequestKey, string[]>()
  const counts = new Map<string, number>()
  const alarms: string[] = []
  return {
    requests,
    /** Nodes that gave each of them. */
    reportedBy: reportedBy as ReadonlyMap<RequestKey, readonly string[]>,
    contracts: new Map<string, Contracts>(),
    /** Whose newest finalized block was read. */
    modules: new Set<ModuleId>(),
    problems: [] as string[],
    alarms,
    add(host: string, request: ExitRequest): void {
      const hosts = reportedBy.get(request.key) ?? []
      if (hosts.includes(host)) return
      const count = (counts.get(host) ?? 0) + 1
      counts.set(host, count)
      if (count > most) {
        if (count === most + 1) alarms.push(tooMany(host, most))
        return
      }
      requests.set(request.key, request)
      reportedBy.set(request.key, [...hosts, host])
    },
  }
}

const tooMany = (host: string, most: number) =>
  `${host} told of more than ${most} exit requests at once, so it invents them: the others are left out, and looked at again within the hour`
