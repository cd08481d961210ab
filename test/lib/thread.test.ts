import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startThread } from '../../src/lib/thread.ts'
import { temporaryFolder } from '../messages/fixtures.ts'

/** How far each thread of this process stands back, by its number: `proc(5)`, the 19th field of `stat`. */
const niceOfThreads = () =>
  new Map(
    readdirSync('/proc/self/task').map((id) => {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
      // The second field, a name, may hold blanks and ends with the last parenthesis.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return [Number(id), Number(fields[16])]
    }),
  )

test.runIf(process.platform === 'linux')('a thread stands back, and no other does', () => {
  const file = join(temporaryFolder(), 'waits.mjs')
  writeFileSync(
    file,
    "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => {})",
  )
  const before = niceOfThreads()
  const thread = startThread(pathToFileURL(file), 7)
  onTestFinished(() => void thread.terminate())
  const after = niceOfThreads()
  expect([...after].filter(([, nice]) => nice === getPriority() + 7)).toHaveLength(1)
  for (const [id, nice] of before) expect(after.get(id) ?? nice).toBe(nice)
})
