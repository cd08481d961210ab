import { expect, test } from 'vitest'
import { missingLines, readBlocks } from './blocks.ts'

const DOCUMENT = `
\`\`\`sh
one
two --x
\`\`\`

It fails with code 1:

\`\`\`text
a … c
\`\`\`

<!-- run: docker -->
\`\`\`sh
three
\`\`\`

## A heading ends it

\`\`\`text
not of three
\`\`\`
`

test('a block has its commands, its mark, and the output that stands behind it', () => {
  expect(readBlocks(DOCUMENT)).toEqual([
    { run: 'here', commands: ['one', 'two --x'], output: ['a … c'], exitCode: 1 },
    { run: 'docker', commands: ['three'], output: [], exitCode: 0 },
  ])
})

test('lines must be printed whole and in order; other lines may stand between', () => {
  const printed = 'x\na b c\ny\n{"z":1}'

  expect(missingLines(['a … c', '{"z":1}'], printed)).toEqual([])
  expect(missingLines(['{"z":1}', 'a … c'], printed)).toEqual(['a … c'])
  expect(missingLines(['a'], printed)).toEqual(['a'])
  expect(missingLines(['a …'], printed)).toEqual([])
  expect(missingLines(['{.z.:1}'], printed)).toEqual(['{.z.:1}'])
})
