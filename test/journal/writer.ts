import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from '../support/until.ts'
import { IDENTITY } from './support.ts'

export type Writer = {
  readonly pid: number | undefined
  readonly lines: readonly string[]
  /** Ends it as a power cut would, and waits until all that it said has come. */
  kill(): Promise<void>
}

/**
 * The journal in another process, from the build.
 *
 * @param first - number of the first append; without it, it holds the journal open and does nothing
 */
export async function startWriter(file: string, first?: number): Promise<Writer> {
  const identity = JSON.stringify({ ...IDENTITY, chainId: String(IDENTITY.chainId) })
  const script = fileURLToPath(new URL('writer.mjs', import.meta.url))
  const more = first === undefined ? [] : [String(first)]
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    [script, file, identity, ...more],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  await until('the writer to open its journal', () => text.includes('open\n'))
  return {
    pid: child.pid,
    get lines() {
      return text.split('\n').slice(0, -1)
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
