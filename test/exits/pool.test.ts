import { expect, test } from 'vitest'
import { createPoolSink, type PoolNode } from '../../src/exits/pool.ts'
import type { VerifiedExit } from '../../src/messages/exit-message.ts'

const exit = {} as VerifiedExit
const never = new AbortController().signal
const node = (host: string, submit: PoolNode['submit']): PoolNode => ({
  host,
  submit,
  isUp: () => true,
})
const sinkOf = (...nodes: PoolNode[]) =>
  createPoolSink(nodes, { isRefusal: () => true, onAnswer: () => {} })

test('what a second node answers just after the first acceptance is told too', async () => {
  let refuse = (_error: Error) => {}
  const second = new Promise<number>((_resolve, reject) => {
    refuse = reject
  })
  const { offer } = sinkOf(
    node('first', async () => {
      setImmediate(() => refuse(new Error('400: already exited')))
      return 200
    }),
    node('second', () => second),
  )

  await expect(offer(exit, never)).resolves.toEqual({
    accepted: true,
    answers: ['first: 200', 'second: 400: already exited'],
  })
})

test('a node that does not answer holds nobody up once another took the exit', async () => {
  const { offer } = sinkOf(
    node('first', async () => 200),
    node('silent', () => new Promise(() => {})),
  )

  await expect(offer(exit, never)).resolves.toEqual({ accepted: true, answers: ['first: 200'] })
})

test('all that refuse is no success, and each is told', async () => {
  const no = async (): Promise<number> => {
    throw new Error('500: no')
  }
  const { offer } = sinkOf(node('first', no), node('second', no))

  await expect(offer(exit, never)).resolves.toEqual({
    accepted: false,
    answers: ['first: 500: no', 'second: 500: no'],
  })
})
