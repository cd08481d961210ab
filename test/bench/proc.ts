import { readdirSync, readFileSync } from 'node:fs'

/** What Linux tells about a process. Elsewhere nothing is known. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Bytes of memory that it held at most. */
export function peakOf(pid: number): number | undefined {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? []
  return kilobytes === undefined ? undefined : 1_024 * Number(kilobytes)
}

/** Milliseconds of processor time by thread, without the main one. */
export function threadsOf(pid: number): ReadonlyMap<string, number> {
  let names: string[] = []
  try {
    names = readdirSync(`/proc/${pid}/task`).filter((tid) => tid !== `${pid}`)
  } catch {
    // Not Linux.
  }
  const nanoseconds = (tid: string) =>
    Number(read(`/proc/${pid}/task/${tid}/schedstat`).split(' ')[0])
  return new Map(names.map((tid) => [tid, nanoseconds(tid) / 1e6]))
}
