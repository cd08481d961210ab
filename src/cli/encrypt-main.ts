import { readFileSync } from 'node:fs'
import { config as loadDotenv } from 'dotenv'
import { runEncrypt } from './encrypt.ts'

/** As shells count: 128 and the number of the signal. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The process around the command: arguments and environment in, exit code out. */
async function main(): Promise<number> {
  loadDotenv({ quiet: true })
  const stopping = new AbortController()
  let interrupted: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // An impatient second one must not end what the first let finish.
    process.on(signal, () => {
      interrupted = CODES[signal]
      stopping.abort()
    })
  }
  const code = await runEncrypt(process.argv.slice(2), {
    env: process.env,
    readFile: readFileSync,
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    signal: stopping.signal,
  })
  return interrupted ?? code
}

process.exitCode = await main()
