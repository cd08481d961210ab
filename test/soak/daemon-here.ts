import { readFileSync } from 'node:fs'
import { type App, startApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { createRedactor } from '../../src/lib/secret.ts'
import { createLogger } from '../../src/observe/log.ts'
import type { Clock } from './clock.ts'
import { SECONDS_PER_EPOCH } from './network.ts'
import { MEASURES } from './report.ts'
import type { Stage } from './stage.ts'
import type { Tally } from './tally.ts'

/** Long enough for an answer of a simulator on a busy machine. */
const CALL_TIMEOUT_MS = 300
const EPOCH_MS = SECONDS_PER_EPOCH * 1_000
/** Epochs after the last fault, within which everybody must have left. */
const QUIET_EPOCHS = 60
/** Further cycles, in which nobody else may leave. */
const AFTERWARDS = 12

type Turn = 'restart' | 'done' | 'failed'

/**
 * The daemon in this process, with a time that only passes between its cycles: what it rests is
 * how much later it is. Stops and starts again now and then, from its journal.
 */
export async function runHere(
  stage: Stage,
  clock: Clock,
  tally: Tally,
  cycles: number,
): Promise<void> {
  const { random, watch, brake } = stage
  const lines: string[] = []
  /** At least once in each episode. */
  let hasRestarted = false
  let quiet = 0
  let calmSince = 0
  let stillHere = 0
  let exactSince: number | undefined
  let failure: unknown

  async function betweenCycles(): Promise<Turn | undefined> {
    if (watch.cycles() < cycles) {
      await stage.disturb(clock.now())
      const isDue = !hasRestarted && watch.cycles() >= cycles / 2
      if (!random.chance(0.02) && !isDue) return undefined
      hasRestarted = true
      return 'restart'
    }
    if (quiet === 0) {
      await stage.calm()
      calmSince = clock.now()
      stillHere = watch.missing().length
    }
    quiet += 1
    await stage.wait(clock.now())
    const epochs = (clock.now() - calmSince) / EPOCH_MS
    if (exactSince === undefined && watch.isExact() && stage.isAllFinal()) {
      exactSince = quiet
      tally.measure(MEASURES.quiet, Math.round(epochs))
    }
    if (exactSince !== undefined && quiet >= exactSince + AFTERWARDS) return 'done'
    const most = QUIET_EPOCHS + brake.moreEpochs(brake.hoursOf(stillHere) + 1)
    return exactSince === undefined && epochs > most ? 'done' : undefined
  }

  async function runUntilTurn(): Promise<Turn> {
    let onTurn: (turn: Turn) => void = () => {}
    const turned = new Promise<Turn>((done) => {
      onTurn = done
    })
    async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
      if (signal.aborted) return
      clock.pass(milliseconds)
      try {
        const turn = await betweenCycles()
        if (turn === undefined) return
        onTurn(turn)
      } catch (error) {
        failure = error
        onTurn('failed')
      }
      await new Promise<void>((stopped) => {
        if (signal.aborted) stopped()
        signal.addEventListener('abort', () => stopped(), { once: true })
      })
    }
    const app = await start(pause)
    const ended = app.ended.then(
      () => 'restart' as const,
      (error: unknown) => {
        lines.push(`ended: ${error}`)
        tally.count('ended by itself')
        return 'restart' as const
      },
    )
    const turn = await Promise.race([turned, ended])
    if (turn === 'done') await lookAtAlarms(app)
    app.stop()
    await ended
    return turn
  }

  async function lookAtAlarms({ port }: App): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    tally.count('overdue', stage.expectOverdue(await answer.text(), clock.now()))
  }

  async function start(pause: (milliseconds: number, signal: AbortSignal) => Promise<void>) {
    const env = { ...stage.env(), LOGGER_LEVEL: 'info', RUN_METRICS: 'true' }
    const parsed = parseConfig(env, readFileSync)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    const log = createLogger({
      ...parsed.config.logger,
      redact: createRedactor(parsed.secrets),
      write: (line) => lines.push(`step ${stage.step()} ${line}`),
    })
    return startApp(parsed.config, {
      version: '0.0.0-soak',
      log,
      now: () => clock.now() + stage.clockAhead(),
      elapsed: clock.now,
      pause,
      callTimeoutMs: CALL_TIMEOUT_MS,
      port: 0,
    })
  }

  async function outage(): Promise<void> {
    const epochs = random.chance(0.3) ? random.int(40) : random.int(3)
    for (let i = 0; i < epochs; i += 1) {
      clock.pass(EPOCH_MS)
      await stage.disturb(clock.now(), false)
    }
  }

  try {
    for (;;) {
      const turn = await runUntilTurn()
      if (turn === 'failed') throw failure
      if (turn === 'done') break
      tally.count('restarts')
      await outage()
    }
    watch.expectExact()
    brake.expectKept()
  } catch (error) {
    throw new Error(describe(stage, lines), { cause: error })
  } finally {
    tally.count('cycles', watch.cycles())
  }
}

/** What one needs to see when it went wrong. */
export function describe(stage: Stage, lines: readonly string[]): string {
  const missing = stage.watch.missing()
  const about = lines.filter((line) =>
    missing.some((index) => line.includes(`"validator":${index},`)),
  )
  return [
    `at step ${stage.step()}`,
    `still troubled by: ${stage.troubles.active().join(', ') || 'nothing'}`,
    ...about.slice(-20),
    '--- the last lines',
    ...lines.slice(-20),
  ].join('\n')
}
