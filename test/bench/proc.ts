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

/** Milliseconds of processor time by thread, the main one included. */
function allThreadsOf(pid: number): ReadonlyMap<string, number> {
  let names: string[] = []
  try {
    names = readdirSync(`/proc/${pid}/task`)
  } catch {
    // Not Linux.
  }
  const nanoseconds = (tid: string) =>
    Number(read(`/proc/${pid}/task/${tid}/schedstat`).split(' ')[0])
  return new Map(names.map((tid) => [tid, nanoseconds(tid) / 1e6]))
}

/** Milliseconds of processor time by thread, without the main one. */
export const threadsOf = (pid: number): ReadonlyMap<string, number> =>
  new Map([...allThreadsOf(pid)].filter(([tid]) => tid !== `${pid}`))

/** Milliseconds of processor time up to now; threads that have ended do not count. */
export const cpuOf = (pid: number): number =>
  [...allThreadsOf(pid).values()].reduce((sum, milliseconds) => sum + milliseconds, 0)

/** Ticks of the clock (proc_pid_stat(5)) of this process and of its children that have ended. */
function ownTicks(): number {
  const fields = read('/proc/self/stat').split(') ')[1]?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

/** Ticks of all processors (proc_stat(5)): busy, stolen by other machines, and altogether. */
function machineTicks() {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, soft = 0, stolen = 0] =
    read('/proc/stat').split('\n', 1)[0]?.split(/ +/).slice(1).map(Number) ?? []
  const busy = user + nice + system + irq + soft
  return { busy, stolen, all: busy + idle + iowait + stolen }
}

/** What the machine does beside this process and its children, from now until it is asked. */
export function watchMachine(): () => string | undefined {
  const own = ownTicks()
  const before = machineTicks()
  return () => {
    const now = machineTicks()
    const all = now.all - before.all
    if (all <= 0) return undefined
    const percent = (ticks: number) => `${Math.max(0, Math.round((100 * ticks) / all))} %`
    const others = now.busy - before.busy - (ownTicks() - own)
    const stolen = now.stolen - before.stolen
    return `meanwhile other processes took ${percent(others)} of the processors, other machines ${percent(stolen)}`
  }
}
