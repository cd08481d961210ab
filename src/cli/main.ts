#!/usr/bin/env node
import { endOnUnexpectedErrors, tellEarly } from './process.ts'

// Before everything else: what goes wrong while the rest is loaded is told as it is later.
endOnUnexpectedErrors(tellEarly)

const { runCommand } = await import('./run-command.ts')
process.exit(await runCommand(process.argv.slice(2)))
