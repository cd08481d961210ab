import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const DIST = new URL('../../dist', import.meta.url).pathname

/** The sources that each file of this folder was made of, as the comment above each part names them. */
const sourcesIn = (folder: string) =>
  readdirSync(join(DIST, folder)).flatMap((file) =>
    [
      ...readFileSync(join(DIST, folder, file), 'utf8').matchAll(/^\/\/ (\S+\.[cm]?[jt]sx?)$/gm),
    ].map(([, source]) => source ?? ''),
  )

test('what is ours and what is of others are apart: secrets are told from words of ours by that', () => {
  const [ours, others] = [sourcesIn('lib'), sourcesIn('packages')]
  expect(ours).toContain('src/lib/secret.ts')
  // The few lines that join them are the bundler's.
  expect(ours.filter((source) => !source.startsWith('src/'))).toEqual(['\\0rolldown/runtime.js'])
  expect(others.filter((source) => !source.startsWith('node_modules/'))).toEqual([])
  expect(others.length).toBeGreaterThan(100)
})

test('every built file is ASCII, which takes half the memory', () => {
  const files = (readdirSync(DIST, { recursive: true }) as string[]).filter((file) =>
    file.endsWith('.js'),
  )
  expect(files.length).toBeGreaterThan(20)
  const others = files.filter((file) => /[^\0-\x7f]/.test(readFileSync(join(DIST, file), 'utf8')))
  expect(others).toEqual([])
})
