import { type ChildProcess, spawn } from 'node:child_process'

/** Does some work while so many other processes want a processor each. */
export async function beside<T>(loops: number, work: () => Promise<T>): Promise<T> {
  const busy: readonly ChildProcess[] = Array.from({ length: loops }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  const kill = () => {
    for (const child of busy) child.kill('SIGKILL')
  }
  process.on('exit', kill)
  try {
    return await work()
  } finally {
    kill()
    process.off('exit', kill)
  }
}
