import { expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'
import { explainHere } from './explain-support.ts'
test('hang', async () => {
  const world = await createWorld()
  world.writeMessage(1)
  world.ask(world.requestOf(1))
  world.consensus.faults.add({ kind: 'hang', match: {} })
  let t = performance.now()
  let e = await explainHere(['1'], world.env({ JOB_INTERVAL: '384000' }))
  console.log(performance.now() - t, e.code, e.stdout, e.stderr)
  world.consensus.faults.clear()
  world.execution.faults.add({ kind: 'hang', match: {} })
  t = performance.now()
  e = await explainHere(['1'], world.env({ JOB_INTERVAL: '384000' }))
  console.log(performance.now() - t, e.code, e.stdout, e.stderr)
  expect(1).toBe(1)
  await world.close()
}, 400_000)
