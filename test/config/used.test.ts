import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { variableNames } from '../../src/config/variables.ts'
import { parseConfig } from '../../src/config.ts'

/** What is parsed of the environment, by name; of parts with names of their own, those. */
function namesOf(value: object): readonly string[] {
  return Object.entries(value).flatMap(([name, one]) =>
    typeof one === 'object' && one !== null && Object.getPrototypeOf(one) === Object.prototype
      ? [name, ...namesOf(one)]
      : [name],
  )
}

const files = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
const textOf = (isMeant: (path: string) => boolean) =>
  files
    .filter(isMeant)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
const sources = textOf((path) => !path.startsWith(join('src', 'config')))

test('every variable is read where the configuration is made, or checked', () => {
  const made = textOf((path) =>
    [
      'src/config.ts',
      ...['checks', 'delivery', 'environment'].map((name) => `src/config/${name}.ts`),
    ].includes(path),
  )
  const isRead = (name: string) =>
    new RegExp(`\\b(settings|checked|values)\\.${name}\\b`).test(made)

  expect(variableNames.length).toBeGreaterThan(40)
  expect(variableNames.filter((name) => !isRead(name))).toEqual([
    // Read as bytes.
    'MESSAGES_PASSWORD',
  ])
})

test('whatever is configured is read somewhere: a variable that nobody reads is a mistake', () => {
  const parsed = parseConfig(
    {
      EXECUTION_NODE: 'http://a',
      CONSENSUS_NODE: 'http://b',
      NETWORK: 'hoodi',
      EJECTOR_SCOPE: '{"1":[5]}',
      MESSAGES_LOCATION: 'messages',
      ORACLE_ADDRESSES_ALLOWLIST: `["0x${'12'.repeat(20)}"]`,
    },
    () => '',
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const names = namesOf(parsed.config).filter((name) => /^[a-z]\w*$/i.test(name))

  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([])
})
