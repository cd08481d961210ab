import { execFile, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export const docker = (path: string) => new URL(`../../docker/${path}`, import.meta.url).pathname

export type Tool =
  | 'promtool'
  | 'amtool'
  | 'prometheus'
  | 'prometheus-alertmanager'
  | 'systemd-analyze'
  | 'chromium'

/**
 * Where a program of the system is.
 *
 * @throws when it is missing: a test that is skipped proves nothing
 */
export function find(tool: Tool): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, tool)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // The next folder may have it.
    }
  }
  throw new Error(`${tool} is not installed: run test/system/install.sh`)
}

/** Runs it to its end. What it says is kept, for the message when it should have said yes. */
export function run(tool: Tool, args: readonly string[]) {
  return new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    execFile(find(tool), args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` })
    })
  })
}

/** Starts it, until it is stopped. */
export function start(tool: Tool, args: readonly string[]) {
  const child = spawn(find(tool), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(timer)
    },
  }
}
