import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IKeystore } from '@chainsafe/bls-keystore'
import { inFolder, runHere, startCommand } from './command.ts'

export const PASSWORD = 'correct horse battery staple'

type Encrypt = [cwd: string, args: readonly string[], env?: NodeJS.ProcessEnv]

/** The built command as a process of its own, in a folder with no `.env`. */
export const startEncrypt = (...[cwd, args, env = { MESSAGES_PASSWORD: PASSWORD }]: Encrypt) =>
  startCommand(['encrypt', ...args], env, cwd)

/** The same command in this process, which spares a start of Node. */
export async function encrypt(...[cwd, args, env = { MESSAGES_PASSWORD: PASSWORD }]: Encrypt) {
  const { code, all } = await inFolder(cwd, () => runHere(['encrypt', ...args], env))
  return { code, output: all }
}

export const readText = (...path: string[]) => readFileSync(join(...path), 'utf8')

export const readEnvelope = (...path: string[]) => JSON.parse(readText(...path)) as IKeystore

/** Everything in a folder, hidden files included, in order. */
export const namesIn = (folder: string) => readdirSync(folder).toSorted()
