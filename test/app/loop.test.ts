import { expect, test } from 'vitest'
import { createLoop, type LoopParts } from '../../src/jobs/loop.ts'
import { until } from '../support/until.ts'

function setUp(parts: Partial<LoopParts>) {
  const said: string[] = []
  const say = (message: string) => said.push(message)
  const ends: boolean[] = []
  const stopping = new AbortController()
  const aborting = new AbortController()
  const loop = createLoop({
    runCycle: async () => ({ failures: [] }),
    intervalMs: 600_000,
    log: { error: say, warn: say, info: say, debug: () => {} },
    onCycle: (ok) => ends.push(ok),
    timeCycle: () => () => {},
    ...parts,
  })
  const ended = loop.run(stopping.signal, aborting.signal)
  return { loop, said, ends, ended, stop: () => stopping.abort(), abort: () => aborting.abort() }
}

test('rests after a good cycle until it is woken', async () => {
  const { loop, ends, ended, stop } = setUp({})
  await until('the first cycle', () => ends.length === 1)
  loop.wake()
  await until('the second cycle', () => ends.length === 2)
  stop()
  await ended
  expect(ends).toEqual([true, true])
})

test('cycles never overlap, and at most one wake-up is remembered meanwhile', async () => {
  let running = 0
  let most = 0
  const release: (() => void)[] = []
  const { loop, ends, ended, stop } = setUp({
    runCycle: async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise<void>((resolve) => release.push(resolve))
      running -= 1
      return { failures: [] }
    },
  })
  await until('it runs', () => release.length === 1)
  for (let i = 0; i < 5; i += 1) loop.wake()
  release[0]?.()
  await until('the remembered one runs', () => release.length === 2)
  release[1]?.()
  await until('both have ended', () => ends.length === 2)
  stop()
  await ended
  expect(most).toBe(1)
  expect(release).toHaveLength(2)
})

test('a stuck cycle is said, aborted and followed by the next', async () => {
  let runs = 0
  const { said, ends, ended, stop } = setUp({
    deadlineMs: 20,
    intervalMs: 1,
    runCycle: async () => {
      runs += 1
      // The first one ignores even its signal.
      if (runs === 1) await new Promise(() => {})
      return { failures: [] }
    },
  })
  await until('a good cycle follows', () => ends.includes(true))
  stop()
  await ended
  expect(ends[0]).toBe(false)
  expect(said[0]).toContain('stuck')
})

test('an unexpected error fails the cycle and not the loop', async () => {
  let runs = 0
  const { ends, ended, stop, said } = setUp({
    intervalMs: 1,
    runCycle: async () => {
      runs += 1
      if (runs === 1) throw new Error('a bug')
      return { failures: [] }
    },
  })
  await until('a good cycle follows', () => ends.includes(true))
  stop()
  await ended
  expect(said).toContain('cycle: unexpected error')
})

test('a fault that lasts is said less and less often', async () => {
  const { said, ends, ended, stop } = setUp({
    intervalMs: 1,
    runCycle: async () => ({ failures: ['read exit requests: down'] }),
  })
  await until('twenty cycles', () => ends.length >= 20)
  stop()
  await ended
  expect(said.length).toBeGreaterThanOrEqual(5)
  expect(said.length).toBeLessThanOrEqual(6)
})
