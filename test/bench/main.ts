import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { createCrew } from './crew.ts'
import { createInputs } from './inputs.ts'
import { createLimits } from './limits.ts'
import { MIB } from './numbers.ts'
import { manifestOf, README, RESULTS } from './places.ts'
import { watchMachine } from './proc.ts'
import { withReport } from './report.ts'
import { type Result, tableOf } from './result.ts'
import { createRows } from './rows.ts'

const USAGE = `usage: npm run bench [-- [--large] [--readme] [--repeats 3] [--against 'node …/main.js'] [row …]]`

/** Measures the built daemon beside what the machine can do at best, in the same run. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      large: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      repeats: { type: 'string', default: '3' },
      /** Starts another build, which takes the same environment. */
      against: { type: 'string' },
    },
  })
  const meanwhile = watchMachine()
  const crew = await createCrew()
  const [program, ...args] = values.against?.trim().split(/\s+/) ?? []
  const rows = createRows({
    inputs: createInputs(crew),
    limits: createLimits(crew),
    repeats: Math.max(1, Number(values.repeats)),
    large: values.large,
    ...(program && { against: [program, ...args] }),
  })
  const names = positionals.length > 0 ? positionals : Object.keys(rows)
  const unknown = names.filter((name) => !(name in rows))
  if (unknown.length > 0) {
    console.error(
      `${USAGE}\nno row ${unknown.join(', ')}; there are ${Object.keys(rows).join(', ')}`,
    )
    return 2
  }
  const results: Result[] = []
  // In the order of the table: latency speaks of the loads before it.
  for (const [name, measure] of Object.entries(rows)) {
    if (!names.includes(name)) continue
    process.stderr.write(`${name} …\n`)
    results.push(...(await measure()))
  }
  await crew.close()
  const machine = { ...machineOf(crew.size), meanwhile: meanwhile() ?? 'meanwhile: unknown' }
  const report = `${Object.values(machine).join(' · ')}\n\n${tableOf(results)}`
  console.log(`\n${report}`)
  if (values.readme) writeFileSync(README, withReport(readFileSync(README, 'utf8'), report))
  mkdirSync(dirname(RESULTS), { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify({ machine, results }, null, 2)}\n`)
  console.log(`\n${RESULTS}`)
  return results.some(({ met }) => met === false) ? 1 : 0
}

function machineOf(cores: number): Readonly<Record<string, string>> {
  const versionOf = (name?: string) => JSON.parse(readFileSync(manifestOf(name), 'utf8')).version
  return {
    daemon: `Validator Ejector ${versionOf()}`,
    node: `Node.js ${process.version.slice(1)}`,
    blst: `@chainsafe/blst ${versionOf('@chainsafe/blst')}`,
    processor: `${cores} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`,
    memory: `${Math.round(totalmem() / MIB / 1024)} GiB`,
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString().slice(0, 10),
  }
}

process.exit(await main())
