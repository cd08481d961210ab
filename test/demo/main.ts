import { parseArgs } from 'node:util'
import { createStage, type Stage } from '../devnet/stage.ts'
import { LEAVERS } from './cast.ts'
import { createScreen, type Screen } from './screen.ts'
import type { StoryOptions } from './story.ts'

/** A good run takes a sixth of it, on a busy machine half. */
const RUN_DEADLINE_MS = 240_000
const ORPHAN_CHECK_MS = 500
/** As shells count: 128 and the number of the signal. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Somebody wants it to end before its end. */
class StoppedError extends Error {
  readonly code: number

  constructor(how: string, code: number) {
    super(how)
    this.code = code
  }
}

/** Whatever happens, nothing of the demo stays behind: no process, no folder. */
async function main(): Promise<number> {
  const asked = readArguments()
  if (asked === undefined) return 2
  const began = Date.now()
  const controller = new AbortController()
  const { signal } = controller
  const stop = (reason: Error) => controller.abort(reason)
  watchForTheEnd(stop)

  const screen = createScreen((text) => console.log(text))
  const stage = createStage(stop)
  let code: number
  try {
    const story = play(stage, screen, asked, signal)
    const late = new Error(`not done after ${RUN_DEADLINE_MS / 1000} s`)
    if (!asked.keep) setTimeout(() => stop(late), RUN_DEADLINE_MS).unref()
    // Not everything in there heeds the signal, and nobody shall wait for it.
    const asExpected = await Promise.race([story, aborted(signal)])
    const seconds = ((Date.now() - began) / 1000).toFixed(0)
    if (asExpected)
      screen.good(`\nExactly validators ${LEAVERS.join(', ')} have left. (${seconds} s)`)
    else screen.bad('\nOther validators have left than those that should have.')
    code = asExpected ? 0 : 1
  } catch (error) {
    code = error instanceof StoppedError ? error.code : 1
    screen.bad(`\n${error instanceof Error ? error.message : error}`)
  }
  screen.close()
  await stage.tearDown().catch((error: unknown) => {
    screen.bad(String(error))
    code = 1
  })
  return code
}

/** Loaded late: it takes most of a second, in which Ctrl-C shall do what it always does. */
async function play(stage: Stage, screen: Screen, asked: StoryOptions, signal: AbortSignal) {
  const { playStory } = await import('./story.ts')
  signal.throwIfAborted()
  return playStory(stage, screen, asked, signal)
}

/** @returns nothing if they were not to be understood */
function readArguments(): StoryOptions | undefined {
  const flag = { type: 'boolean', default: false } as const
  try {
    return parseArgs({ options: { keep: flag, simulator: flag } }).values
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}`)
    console.error('usage: npm run demo [-- [--keep] [--simulator]]')
    return undefined
  }
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** An impatient second Ctrl-C changes nothing. */
function watchForTheEnd(stop: (reason: Error) => void): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop(new StoppedError(`stopped by ${name}`, CODES[name])))
  }
  // npm hands a signal to its shell, which does not hand it on.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent)
      stop(new StoppedError('whoever started this is gone', CODES.SIGHUP))
  }, ORPHAN_CHECK_MS).unref()
}

// Not `exitCode`: what lost the race in `main` may still hold a socket or a timer.
process.exit(await main())
