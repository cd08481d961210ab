import { readFileSync } from 'node:fs'
import { config as loadDotenv } from 'dotenv'
import { settleLibraries } from '../config/libraries.ts'

/**
 * The process ends only when its name look-ups do, and glibc takes 10 s and more for a dead server.
 * Failing sooner loses nothing: whatever failed is tried again.
 */
const RESOLVER = 'timeout:1 attempts:3'

/** The environment of the process and `.env`, settled for everything that reads it. */
export function openEnvironment(): NodeJS.ProcessEnv {
  process.env.RES_OPTIONS ??= RESOLVER
  loadDotenv({ quiet: true })
  settleLibraries(process.env)
  return process.env
}

export const readVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
