import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { IKeystore } from '@chainsafe/bls-keystore'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export const PASSWORD = 'correct horse battery staple'

/** The built command as a process of its own, in a folder with no `.env`. */
export function startEncrypt(
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = { MESSAGES_PASSWORD: PASSWORD },
) {
  const child = spawn(process.execPath, [MAIN, 'encrypt', ...args], { cwd, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, output })),
  )
  return { child, ended }
}

export const encrypt = (...how: Parameters<typeof startEncrypt>) => startEncrypt(...how).ended

export const readText = (...path: string[]) => readFileSync(join(...path), 'utf8')

export const readEnvelope = (...path: string[]) => JSON.parse(readText(...path)) as IKeystore

/** Everything in a folder, hidden files included, in order. */
export const namesIn = (folder: string) => readdirSync(folder).toSorted()
