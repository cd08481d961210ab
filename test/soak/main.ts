import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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
    /** As a child of its own: plays this one, as JSON. */
    episode: { type: 'string' },
  },
})
const REPORT = '.tmp/soak-report.txt'

type Told = { readonly entries?: ReturnType<Tally['entries']>; readonly failure?: string }

const children = new Set<ChildProcess>()

/** Each episode has a core of its own. */
function playApart(episode: Episode): Promise<ReturnType<Tally['entries']>> {
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
  const options = {
    seed: Number(values.seed),
    cycles: Number(values.cycles),
    kills: Number(values.kills),
    tell,
    run: playApart,
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
    minutes: (Date.now() - began) / 60_000,
    ...(stopped === '' ? {} : { stopped }),
  }
  const report = `${run.command}, ${run.minutes.toFixed(1)} minutes${stopped}\n${reportOf(tally)}\n`
  mkdirSync('.tmp', { recursive: true })
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
