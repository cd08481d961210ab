import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, OURS } from './daemon.ts'
import { cpuOf } from './proc.ts'

/** Milliseconds of processor time that each of so many starts took up to its first line. */
export async function runStart(times: number, command: Command = OURS): Promise<readonly number[]> {
  const home = mkdtempSync(join(tmpdir(), 'ejector-bench-'))
  const taken: number[] = []
  try {
    for (let i = 0; i < times; i += 1) taken.push(await startOnce(home, command))
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  return taken
}

async function startOnce(home: string, [program, ...args]: Command): Promise<number> {
  // Nodes that do not answer: what comes after the first line is not looked at.
  const env = {
    PATH: process.env.PATH,
    EXECUTION_NODE: 'http://127.0.0.1:9',
    CONSENSUS_NODE: 'http://127.0.0.1:9',
    NETWORK: 'hoodi',
    EJECTOR_SCOPE: '{"1":[5]}',
    ORACLE_ADDRESSES_ALLOWLIST: '["0x0000000000000000000000000000000000000001"]',
    ORACLE_QUORUM: '1',
    MESSAGES_LOCATION: home,
    HTTP_PORT: 'false',
  }
  const child = spawn(program, args, {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
  if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`)
  const taken = cpuOf(child.pid ?? 0)
  child.kill('SIGKILL')
  await once(child, 'close')
  return taken
}
