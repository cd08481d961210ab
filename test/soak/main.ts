import { parseArgs } from 'node:util'
import { reportOf } from './report.ts'
import { soak } from './soak.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cycles: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '20' },
  },
})

const began = Date.now()
const tell = (line: string) => {
  console.log(`${((Date.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
}
try {
  const { seed, cycles, kills } = values
  const tally = await soak({
    seed: Number(seed),
    cycles: Number(cycles),
    kills: Number(kills),
    tell,
  })
  console.log(reportOf(tally))
  tell('nothing was lost, nobody left unasked')
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
