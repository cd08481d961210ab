import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const [FIRST, SECOND] = ['ab'.repeat(32), 'cd'.repeat(32)] as const

test('a JWT secret that is rotated at run time serves from the next call on', async () => {
  world = await createWorld({ executionNodes: [{ jwtSecret: FIRST }] })
  const file = join(world.home, 'jwt.hex')
  writeFileSync(file, FIRST)
  world.writeMessage(1)
  world.writeMessage(2)
  world.ask(world.requestOf(1))
  const app = await world.start({ JWT_SECRET_PATH: file })
  const isSent = (index: number) => world.beacon.accepted.some((exit) => exit.index === index)
  await until('the first exit is sent', () => isSent(1))

  world.execution.set({ jwtSecret: SECOND })
  world.ask(world.requestOf(2))
  await until('the old secret is refused, and that is said', () => app.said(/401/).length > 0)
  expect(isSent(2)).toBe(false)
  writeFileSync(file, `0x${SECOND}\n`)
  await until('the second exit is sent', () => isSent(2))
  expect(JSON.stringify(app.lines)).not.toMatch(new RegExp(`${FIRST}|${SECOND}`))
})
