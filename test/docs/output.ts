import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'

const README = new URL('../../docker/README.md', import.meta.url)

/**
 * Holds what a command printed against its block in the README. With UPDATE_DOCS=1 it writes it.
 *
 * @param name - of the block: `<!-- output: name -->`
 */
export function expectInReadme(name: string, shown: string): void {
  const pattern = new RegExp(
    `(<!-- output: ${name} -->\\n\`\`\`text\\n)([\\s\\S]*?)(\`\`\`\\n<!-- /output -->)`,
  )
  if (process.env.UPDATE_DOCS) {
    const readme = readFileSync(README, 'utf8')
    writeFileSync(
      README,
      readme.replace(pattern, (_, start, _before, end) => `${start}${shown}${end}`),
    )
  }
  const [, , block] = pattern.exec(readFileSync(README, 'utf8')) ?? []
  expect(block).toBe(shown)
}

/** Hashes short enough for a page. */
export const shortened = (text: string) => text.replace(/(0x[0-9a-f]{8})[0-9a-f]{30,}/g, '$1…')
