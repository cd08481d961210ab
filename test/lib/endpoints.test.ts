import { describe, expect, test } from 'vitest'
import { createEndpoints } from '../../src/lib/endpoints.ts'

class Fault extends Error {}
const never = new AbortController().signal

/** Three nodes that answer with their name, or as told. */
function setUp() {
  const behaviour = new Map<string, () => Promise<string>>()
  const asked: string[] = []
  const changes: string[] = []
  let now = 0
  const endpoints = createEndpoints(
    ['a', 'b', 'c'].map((host) => ({ host, node: host })),
    (error) => error instanceof Fault,
    ({ host, up }) => changes.push(`${host} ${up ? 'up' : 'down'}`),
    () => now,
  )
  const work = async (node: string) => {
    asked.push(node)
    return (await behaviour.get(node)?.()) ?? node
  }
  return {
    endpoints,
    changes,
    work,
    fail: (host: string, error: Error = new Fault(host)) =>
      behaviour.set(host, () => Promise.reject(error)),
    heal: (host: string) => behaviour.delete(host),
    hang: (host: string) => behaviour.set(host, () => new Promise(() => {})),
    pass: (ms: number) => {
      now += ms
    },
    takeAsked: () => asked.splice(0),
  }
}

describe('first', () => {
  test('asks in order, and a node that failed costs one failure, not one per call', async () => {
    const { endpoints, work, fail, takeAsked, changes } = setUp()
    fail('a')
    expect(await endpoints.first(work, never)).toBe('b')
    expect(takeAsked()).toEqual(['a', 'b'])
    expect(await endpoints.first(work, never)).toBe('b')
    expect(takeAsked()).toEqual(['b'])
    expect(changes).toEqual(['a down'])
  })

  test('a node whose pause is over comes after the good ones', async () => {
    const { endpoints, work, fail, heal, pass, takeAsked, changes } = setUp()
    fail('a')
    await endpoints.first(work, never)
    pass(1_000)
    takeAsked()
    fail('b')
    fail('c')
    heal('a')
    expect(await endpoints.first(work, never)).toBe('a')
    expect(takeAsked()).toEqual(['b', 'c', 'a'])
    expect(changes).toEqual(['a down', 'b down', 'c down', 'a up'])
  })

  test('the last one is never set aside, and the last error is thrown', async () => {
    const { endpoints, work, fail, takeAsked } = setUp()
    for (const host of ['a', 'b', 'c']) fail(host)
    await expect(endpoints.first(work, never)).rejects.toThrow('c')
    takeAsked()
    await expect(endpoints.first(work, never)).rejects.toThrow()
    expect(takeAsked()).toHaveLength(1)
  })

  test('a refusal speaks of the question: the next node is asked, and none is set aside', async () => {
    const { endpoints, work, fail, takeAsked } = setUp()
    fail('a', new Error('reverted'))
    expect(await endpoints.first(work, never)).toBe('b')
    takeAsked()
    await endpoints.first(work, never)
    expect(takeAsked()).toEqual(['a', 'b'])
  })
})

describe('every', () => {
  test('asks the good ones only, unless there are none', async () => {
    const { endpoints, work, fail, pass, takeAsked } = setUp()
    fail('a')
    const answers = await endpoints.every(work, never)
    expect(answers.map(({ host, ok }) => `${host} ${ok}`)).toEqual(['a false', 'b true', 'c true'])
    pass(60_000)
    takeAsked()
    await endpoints.every(work, never)
    expect(takeAsked()).toEqual(['b', 'c'])
  })

  test('ends with its signal', async () => {
    const { endpoints } = setUp()
    const controller = new AbortController()
    const running = endpoints.every(
      (_node, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
      controller.signal,
    )
    controller.abort(new Error('stop'))
    await expect(running).rejects.toThrow('stop')
  })
})

describe('probe', () => {
  test('does not wait for a node that is down, and finds out when it is back', async () => {
    const { endpoints, work, fail, hang, heal, changes } = setUp()
    fail('a')
    await endpoints.first(work, never)
    hang('a')
    const answers = await endpoints.probe(work, never)
    expect(answers.map(({ host }) => host)).toEqual(['b', 'c'])
    heal('a')
    // The probe that hangs is still under way: there is no second one beside it.
    await endpoints.probe(work, never)
    expect(changes).toEqual(['a down'])
  })

  test('a node that is left out is probed, and not asked for anything else', async () => {
    const { endpoints, work, takeAsked } = setUp()
    endpoints.leaveOut('a', 'on another chain')
    await endpoints.every(work, never)
    expect(takeAsked()).toEqual(['b', 'c'])
    await endpoints.probe(work, never)
    expect(takeAsked()).toEqual(['a', 'b', 'c'])
    endpoints.leaveOut('a', undefined)
    expect(await endpoints.first(work, never)).toBe('a')
  })
})
