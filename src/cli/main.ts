#!/usr/bin/env node
import { endOnUnexpectedErrors, endProcess, tellEarly, unlessEnding } from './process.ts'

// Before everything else: what goes wrong while the rest is loaded is told as it is later.
endOnUnexpectedErrors(tellEarly)

const { runCommand } = await unlessEnding(import('./run-command.ts'))
await endProcess(await runCommand(process.argv.slice(2)))
