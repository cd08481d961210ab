import type { ExitRequest, RequestKey } from './exit-request.ts'

/**
 * Who told of requests that nobody has proven. A node may invent them without end: whatever is
 * scarce goes to the nodes in turn, so that its requests do not displace those of another one.
 */
export function createReporters() {
  const reporters = new Map<RequestKey, readonly string[]>()

  return {
    note(reportedBy: ReadonlyMap<RequestKey, readonly string[]>, of: readonly ExitRequest[]): void {
      for (const { key } of of) {
        const hosts = reportedBy.get(key) ?? []
        reporters.set(key, [...new Set([...(reporters.get(key) ?? []), ...hosts])])
      }
    },

    toldBy: (key: RequestKey): readonly string[] => reporters.get(key) ?? [],

    /** The others are proven, or gone. */
    keepOnly(open: readonly ExitRequest[]): void {
      const keys = new Set(open.map(({ key }) => key))
      for (const key of reporters.keys()) if (!keys.has(key)) reporters.delete(key)
    },

    /** One of each node, then the next of each, in the order in which they were given. */
    inTurn(requests: readonly ExitRequest[]): readonly ExitRequest[] {
      const lines = new Map<string, ExitRequest[]>()
      for (const request of requests) {
        for (const host of reporters.get(request.key) ?? ['']) {
          const line = lines.get(host)
          if (line === undefined) lines.set(host, [request])
          else line.push(request)
        }
      }
      if (lines.size < 2) return requests
      const longest = Math.max(...[...lines.values()].map((line) => line.length))
      const served = new Set<ExitRequest>()
      for (let place = 0; place < longest; place += 1) {
        for (const line of lines.values()) {
          const request = line[place]
          if (request !== undefined) served.add(request)
        }
      }
      return [...served]
    },
  }
}

/** Where time ends before the work does, another part of it is done each time. */
export const inAnyOrder = <Item>(items: readonly Item[]): readonly Item[] =>
  items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
