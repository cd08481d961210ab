import { readFileSync } from 'node:fs'
import { openEnvironment, readVersion } from './cli/process.ts'
import { runDaemon } from './cli/run.ts'

/** The daemon alone: what `validator-ejector run` does, without loading the other commands. */
const env = openEnvironment()
process.exit(await runDaemon({ env, readFile: readFileSync, version: readVersion() }))
