import {
  endOnUnexpectedErrors,
  endProcess,
  openEnvironment,
  readVersion,
  tellEarly,
  unlessEnding,
} from './cli/process.ts'

// Before everything else: what goes wrong while the rest is loaded is told as it is later.
endOnUnexpectedErrors(tellEarly)

/** The daemon alone: what `validator-ejector run` does, without loading the other commands. */
const { runDaemon } = await unlessEnding(import('./cli/run.ts'))
await endProcess(await runDaemon({ ...openEnvironment(), version: readVersion() }))
