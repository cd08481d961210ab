import pLimit from 'p-limit'
import { createClock } from './clock.ts'
import { runHere } from './daemon-here.ts'
import { runThere } from './daemon-there.ts'
import { createStage, type Mode } from './stage.ts'
import { createTally, type Tally } from './tally.ts'

export type SoakOptions = {
  readonly seed: number
  readonly cycles: number
  readonly kills: number
  /** Told what is about to begin. */
  readonly tell?: (line: string) => void
  /** Plays one episode, here or in another process. */
  readonly run?: (episode: Episode) => Promise<ReturnType<Tally['entries']>>
  /** Episodes at a time. */
  readonly jobs?: number
  /** Ends it early: what was played counts, an episode under way does not. */
  readonly signal?: AbortSignal
}

export type SoakResult = {
  readonly tally: Tally
  readonly played: number
  readonly episodes: number
}

const CYCLES_PER_EPISODE = 400
const KILLS_PER_EPISODE = 20
/** 2026-01-01: the same seed, the same times. */
const START_MS = 1_767_225_600_000
const MODES: readonly Mode[] = ['pool', 'webhook']

/** It goes the same way whatever was played before. */
export type Episode = {
  readonly kind: 'cycles' | 'kills'
  readonly count: number
  readonly mode: Mode
  readonly seed: number
}

/** Episodes of one kind, in turn for each mode. */
function episodesOf(
  kind: Episode['kind'],
  total: number,
  each: number,
): readonly Omit<Episode, 'seed'>[] {
  return Array.from({ length: Math.ceil(total / each) }, (_, at) => ({
    kind,
    count: Math.min(each, total - at * each),
    mode: MODES[at % MODES.length] as Mode,
  }))
}

/** How to see this again. */
export const replay = ({ seed, cycles, kills }: SoakOptions) =>
  `npm run soak -- --seed ${seed} --cycles ${cycles} --kills ${kills}`

/**
 * One world after the other, each with chains, nodes, messages and a journal of its own.
 *
 * @throws what must never be, with the command that shows it again
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seed, cycles, kills, tell = () => {}, run = playEpisode, jobs = 1, signal } = options
  const tally = createTally()
  tell(`seed ${seed}; again: ${replay(options)}`)
  const episodes = [
    ...episodesOf('cycles', cycles, CYCLES_PER_EPISODE),
    ...episodesOf('kills', kills, KILLS_PER_EPISODE),
  ]
  const limit = pLimit(jobs)
  let played = 0
  const isStopped = () => signal?.aborted === true
  await Promise.all(
    episodes.map((episode, at) =>
      limit(async () => {
        const { kind, count, mode } = episode
        if (isStopped()) return
        tell(`episode ${at + 1} of ${episodes.length}: ${count} ${kind}, ${mode}`)
        try {
          tally.add(await run({ ...episode, seed: seed + at * 7_919 }))
          played += 1
        } catch (error) {
          if (isStopped()) return
          limit.clearQueue()
          throw new Error(`soak: episode ${at + 1} failed; again: ${replay(options)}`, {
            cause: error,
          })
        }
      }),
    ),
  )
  return { tally, played, episodes: episodes.length }
}

/** In this process. */
export async function playEpisode(episode: Episode): Promise<ReturnType<Tally['entries']>> {
  const { kind, count, mode, seed } = episode
  const isHere = kind === 'cycles'
  const tally = createTally()
  const clock = createClock(START_MS)
  const stage = await createStage({ seed, mode, slow: isHere, tally, start: START_MS })
  try {
    await (isHere ? runHere : runThere)(stage, clock, tally, count)
  } finally {
    await stage.close()
  }
  return tally.entries()
}
