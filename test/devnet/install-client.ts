import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stage } from './stage.ts'

const INSTALL_ATTEMPTS = 3
/** For one attempt: several times what it takes with an empty cache. */
const INSTALL_DEADLINE_MS = 5 * 60_000
const KILL_DEADLINE_MS = 10_000
/** Times the number of attempts so far. */
const RETRY_PAUSE_MS = 5_000

/** A change of what is published: what stands there once becomes something else. */
export type Edit = { readonly file: string; readonly from: string; readonly to: string }

/**
 * Installs a client into its own folder, unless what is there is this very version with these very
 * edits. Install scripts stay off: they would want a compiler, and nothing here needs them.
 */
export async function installClient(
  stage: Stage,
  home: string,
  edits: readonly Edit[],
  signal: AbortSignal,
) {
  const stampFile = join(home, 'node_modules', '.devnet-stamp')
  const stamp = createHash('sha256')
    .update(readFileSync(join(home, 'package-lock.json')))
    .update(JSON.stringify(edits))
    .digest('hex')
  if (readIfThere(stampFile) === stamp) return

  await installWithRetries(stage, home, signal)
  for (const edit of edits) applyEdit(join(home, 'node_modules', edit.file), edit.from, edit.to)
  writeFileSync(stampFile, stamp)
}

async function installWithRetries(stage: Stage, home: string, signal: AbortSignal) {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const options = { cwd: home, env: process.env, ends: true }
  for (let attempt = 1; attempt <= INSTALL_ATTEMPTS; attempt++) {
    signal.throwIfAborted()
    const npm = stage.launch(`npm ci, attempt ${attempt}`, 'npm', args, options)
    const late = sleep(INSTALL_DEADLINE_MS, undefined, { ref: false })
    const how = await Promise.race([
      npm.ended,
      late.then(() => npm.stop('SIGKILL', KILL_DEADLINE_MS)),
    ])
    if (how === 0) return
    console.log(`npm ci in ${home}, attempt ${attempt} of ${INSTALL_ATTEMPTS}: ${how}`)
    await sleep(attempt * RETRY_PAUSE_MS, undefined, { signal })
  }
  throw new Error(`npm ci failed in ${home}`)
}

function applyEdit(file: string, from: string, to: string): void {
  const parts = readFileSync(file, 'utf8').split(from)
  if (parts.length !== 2) {
    throw new Error(`edit ${file}: expected "${from}" once, found it ${parts.length - 1} times`)
  }
  writeFileSync(file, parts.join(to))
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
