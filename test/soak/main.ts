import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { withReport } from './readme.ts'
import { reportOf } from './report.ts'
import { replay, soak } from './soak.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cycles: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '20' },
    /** Writes the figures into README.md. */
    readme: { type: 'boolean', default: false },
  },
})
const REPORT = '.tmp/soak-report.txt'

const began = Date.now()
const tell = (line: string) => {
  console.log(`${((Date.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
}
try {
  const options = {
    seed: Number(values.seed),
    cycles: Number(values.cycles),
    kills: Number(values.kills),
    tell,
  }
  const tally = await soak(options)
  const run = { command: replay(options), minutes: (Date.now() - began) / 60_000 }
  const report = `${run.command}, ${run.minutes.toFixed(1)} minutes\n${reportOf(tally)}\n`
  mkdirSync('.tmp', { recursive: true })
  writeFileSync(REPORT, report)
  console.log(report)
  if (values.readme) {
    writeFileSync('README.md', withReport(readFileSync('README.md', 'utf8'), tally, run))
  }
  tell(`nothing was lost, nobody left unasked; the report is in ${REPORT}`)
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
