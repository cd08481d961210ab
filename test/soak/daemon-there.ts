import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from './clock.ts'
import { describe } from './daemon-here.ts'
import { SECONDS_PER_EPOCH } from './network.ts'
import type { Stage } from './stage.ts'
import type { Tally } from './tally.ts'

const MAIN = resolve('dist/main.js')
/** An epoch goes by in this time. */
const STEP_MS = 25
const QUIET_STEPS = 1_200
const AFTERWARDS = 40
/** Before it reads, a daemon takes about half a second to start. */
const LONGEST_FROM_START_MS = 1_200
const LONGEST_AT_WORK_MS = 400
const KEPT_LINES = 400

/** The built daemon as a process of its own, killed at random instants: at its start and at work. */
export async function runThere(
  stage: Stage,
  clock: Clock,
  tally: Tally,
  kills: number,
): Promise<void> {
  const { random, watch } = stage
  const lines: string[] = []

  function start(): { readonly child: ChildProcess; readonly closed: Promise<unknown> } {
    const env = {
      PATH: process.env.PATH,
      ...stage.env(),
      JOB_INTERVAL: '20',
      WEBHOOK_RESEND_AFTER: '300',
      LOGGER_LEVEL: 'info',
    }
    const child = spawn(process.execPath, [MAIN], {
      cwd: stage.home,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      lines.push(...text.split('\n').filter((line) => line !== ''))
      lines.splice(0, lines.length - KEPT_LINES)
    })
    const kill = () => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('close', () => process.off('exit', kill))
    return { child, closed: new Promise((done) => child.on('close', done)) }
  }

  async function step(): Promise<void> {
    await sleep(STEP_MS)
    clock.pass(SECONDS_PER_EPOCH * 1_000)
    await stage.disturb(clock.now())
  }

  /** Nothing is asked for before the first daemon ever has read, nor is it killed before. */
  async function begin() {
    const daemon = start()
    while (watch.cycles() < 3) {
      await sleep(STEP_MS)
      await stage.wait(clock.now())
    }
    return daemon
  }

  async function live({ child, closed }: ReturnType<typeof start>): Promise<void> {
    const isAtWork = random.chance(0.7)
    const before = watch.cycles()
    const from = performance.now()
    let until = from + random.next() * LONGEST_FROM_START_MS
    if (isAtWork) {
      while (watch.cycles() === before && performance.now() < from + 5_000) await step()
      until = performance.now() + random.next() * LONGEST_AT_WORK_MS
    }
    while (performance.now() + STEP_MS < until) await step()
    await sleep(Math.max(0, until - performance.now()))
    child.kill('SIGKILL')
    await closed
    tally.count('kills')
  }

  async function finish({ child, closed }: ReturnType<typeof start>): Promise<void> {
    let exactSince: number | undefined
    for (let quiet = 1; quiet <= QUIET_STEPS; quiet += 1) {
      await sleep(STEP_MS)
      clock.pass(SECONDS_PER_EPOCH * 1_000)
      await stage.wait(clock.now())
      if (exactSince === undefined && watch.isExact() && stage.isAllFinal()) exactSince = quiet
      if (exactSince !== undefined && quiet >= exactSince + AFTERWARDS) break
    }
    child.kill('SIGTERM')
    await closed
  }

  let daemon: ReturnType<typeof start> | undefined
  try {
    daemon = await begin()
    for (let kill = 0; kill < kills; kill += 1) {
      await live(daemon)
      if (random.chance(0.2)) for (let i = random.int(60); i > 0; i -= 1) await step()
      daemon = start()
    }
    await stage.calm()
    await finish(daemon)
    watch.expectExact()
  } catch (error) {
    throw new Error(describe(stage, lines), { cause: error })
  } finally {
    daemon?.child.kill('SIGKILL')
    await daemon?.closed
    tally.count('cycles', watch.cycles())
  }
}
