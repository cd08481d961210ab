import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { inspect, parseArgs } from 'node:util'
import { withReport } from './readme.ts'
import { reportOf } from './report.ts'
import { type Episode, playEpisode, replay, soak } from './soak.ts'
import type { Tally } from './tally.ts'

const README = 'test/README.md'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cycles: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '20' },
    /** Episodes at a time. */
    jobs: { type: 'string', default: String(Math.min(2, cpus().length)) },
    /** Writes the figures into test/README.md. */
    readme: { type: 'boolean', default: false },
    /** Episodes that an earlier run of this commit played to their end are not played again. */
    resume: { type: 'boolean', default: false },
    /** As a child of its own: plays this one, as JSON. */
    episode: { type: 'string' },
  },
})
const REPORT = '.tmp/soak-report.txt'
const PLAYED = '.tmp/soak-played.jsonl'

type Entries = ReturnType<Tally['entries']>
type Played = {
  readonly commit: string
  readonly episode: Episode
  readonly entries: Entries
  readonly seconds: number
}
type Told = { readonly entries?: Entries; readonly failure?: string }

const children = new Set<ChildProcess>()

/** Each episode has a core of its own. */
function playApart(episode: Episode): Promise<Entries> {
  return new Promise((resolve, reject) => {
    const words = ['--episode', JSON.stringify(episode)]
    const child = fork(fileURLToPath(import.meta.url), words)
    children.add(child)
    child.on('message', ({ entries, failure }: Told) => {
      if (entries === undefined) reject(new Error(failure))
      else resolve(entries)
    })
    child.on('exit', (code, signal) => {
      children.delete(child)
      reject(new Error(`the episode ended with ${code ?? signal}`))
    })
  })
}

/** Plays what was not played yet, and writes down what was. */
function createPlayer() {
  mkdirSync('.tmp', { recursive: true })
  if (!values.resume) rmSync(PLAYED, { force: true })
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  const lines = existsSync(PLAYED) ? readFileSync(PLAYED, 'utf8').trim().split('\n') : []
  const before = lines.map((line): Played => JSON.parse(line))
  let seconds = 0
  return {
    /** Of all episodes together. */
    minutes: () => seconds / 60,
    async play(episode: Episode): Promise<Entries> {
      const id = JSON.stringify(episode)
      const known = before.find(
        (one) => one.commit === commit && JSON.stringify(one.episode) === id,
      )
      const began = Date.now()
      const entries = known?.entries ?? (await playApart(episode))
      const took = known?.seconds ?? (Date.now() - began) / 1_000
      seconds += took
      const played: Played = { commit, episode, entries, seconds: took }
      if (known === undefined) appendFileSync(PLAYED, `${JSON.stringify(played)}\n`)
      return entries
    },
  }
}

async function playOne(episode: Episode): Promise<void> {
  process.on('disconnect', () => process.exit(1))
  // The parent tells; one that is interrupted at a terminal shares its signal with all.
  process.on('SIGINT', () => {})
  const told: Told = await playEpisode(episode).then(
    (entries) => ({ entries }),
    (error: unknown) => ({ failure: inspect(error) }),
  )
  process.send?.(told, () => process.exit())
}

async function playAll(): Promise<void> {
  const began = Date.now()
  const tell = (line: string) => {
    console.log(`${((Date.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
  }
  const player = createPlayer()
  const options = {
    seed: Number(values.seed),
    cycles: Number(values.cycles),
    kills: Number(values.kills),
    tell,
    run: player.play,
    jobs: Number(values.jobs),
  }
  const stopping = new AbortController()
  process.once('SIGINT', () => {
    stopping.abort()
    for (const child of children) if (child.connected) child.disconnect()
  })
  const { tally, played, episodes } = await soak({ ...options, signal: stopping.signal })
  const stopped = played < episodes ? `, stopped after ${played} of ${episodes} episodes` : ''
  const run = {
    command: replay(options),
    minutes: player.minutes(),
    ...(stopped === '' ? {} : { stopped }),
  }
  const report = `${run.command}, ${run.minutes.toFixed(1)} minutes of episodes${stopped}\n${reportOf(tally)}\n`
  writeFileSync(REPORT, report)
  console.log(report)
  if (values.readme) {
    writeFileSync(README, withReport(readFileSync(README, 'utf8'), tally, run))
  }
  tell(`nothing was lost, nobody left unasked; the report is in ${REPORT}`)
}

try {
  if (values.episode === undefined) await playAll()
  else await playOne(JSON.parse(values.episode))
} catch (error) {
  console.error(error)
  for (const child of children) if (child.connected) child.disconnect()
  process.exitCode = 1
}
