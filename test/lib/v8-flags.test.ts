import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const built = (path: string) => JSON.stringify(new URL(`../../.tmp/built/${path}`, import.meta.url))

test('the nursery stays small beside threads, and no flag is complained of', async () => {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { getHeapSpaceStatistics } from 'node:v8'
     import { growHeapSlowly, settleV8 } from ${built('lib/v8-flags.js')}
     import { createCryptoPool } from ${built('lib/crypto-pool.js')}
     settleV8()
     growHeapSlowly()
     await createCryptoPool({ size: 1 }).implementation(new AbortController().signal)
     const kept = []
     for (let i = 0; i < 300_000; i += 1) kept.push({ name: 'x' + i })
     const nursery = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
     console.log(nursery.space_size / 2 ** 20, kept.length)
     process.exit()`,
  ])
  const [out, complaints] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  expect(complaints).toBe('')
  const [mib, kept] = out.split(' ').map(Number)
  expect(kept).toBe(300_000)
  // Without the flag it is 32.
  expect(mib).toBeLessThanOrEqual(8)
})
