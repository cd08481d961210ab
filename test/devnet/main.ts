import { installClient } from './install-client.ts'
import { LODESTAR_EDITS } from './lodestar.ts'
import { createStage, type Stage } from './stage.ts'
import { playStory, type Tell } from './story.ts'
import { ETHEREUMJS_HOME, LODESTAR_HOME } from './world.ts'

/** After the installation. A good run on an idle machine takes some five minutes. */
const RUN_DEADLINE_MS = 14 * 60_000
const ORPHAN_CHECK_MS = 500

/**
 * The end-to-end test: the built daemon between a real beacon node and a chain with the protocol on
 * it. Whatever happens, nothing of it stays behind; the last line and the exit code tell how it
 * went.
 */
async function main(): Promise<number> {
  const began = Date.now()
  const tell: Tell = (what) => {
    console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`)
  }
  const controller = new AbortController()
  const stop = (reason: Error) => controller.abort(reason)
  watchForTheEnd(stop)

  const stage = createStage(stop)
  const failures: unknown[] = []
  try {
    // Not everything in there heeds the signal, and nobody shall wait for it.
    await Promise.race([play(stage, controller.signal, tell, stop), aborted(controller.signal)])
  } catch (error) {
    console.log(stage.tails())
    failures.push(error)
  }
  await stage.tearDown().catch((error: unknown) => failures.push(error))

  for (const failure of failures) console.log(failure)
  tell(`devnet test ${failures.length === 0 ? 'passed' : 'FAILED'}`)
  return failures.length === 0 ? 0 : 1
}

async function play(
  stage: Stage,
  signal: AbortSignal,
  tell: Tell,
  stop: (reason: Error) => void,
): Promise<void> {
  await installClient(stage, ETHEREUMJS_HOME, [], signal)
  await installClient(stage, LODESTAR_HOME, LODESTAR_EDITS, signal)
  tell('both clients are installed')
  const late = new Error(`not done ${RUN_DEADLINE_MS / 60_000} minutes after the installation`)
  setTimeout(() => stop(late), RUN_DEADLINE_MS).unref()
  await playStory(stage, signal, tell)
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Whoever waits for the result can be gone in several ways. */
function watchForTheEnd(stop: (reason: Error) => void): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop(new Error(`stopped by ${name}`)))
  }
  // npm hands a signal to its shell, which does not hand it on.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stop(new Error('whoever started this is gone'))
  }, ORPHAN_CHECK_MS).unref()
}

// Not `exitCode`: what lost the race in `main` may still hold a socket or a timer.
process.exit(await main())
