import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { variables } from '../../src/config.ts'
import { kindOfName } from '../../src/messages/message-store.ts'
import { readShapes } from '../../src/messages/shapes.ts'
import { metricTable } from '../../src/observe/metric-table.ts'
import { runHere } from '../cli/command.ts'
import { put, temporaryFolder } from '../messages/fixtures.ts'
import { readBlocks } from './blocks.ts'
import { brokenLinks, paths, read, write } from './documents.ts'
import { tables, tablesIn, withTables } from './tables.ts'

if (process.env.UPDATE_DOCS) for (const path of paths) write(path, withTables(read(path)))

const documents = paths.map((path) => ({ path, text: read(path) }))
const all = documents.map(({ text }) => text).join('\n')

/** By the client libraries of object stores, not by us. */
const READ_BY_LIBRARIES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_REGION',
  'AWS_ENDPOINT_URL',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'STORAGE_EMULATOR_HOST',
]

describe('tables of the documents', () => {
  const shown = tablesIn(all)

  test.each(Object.keys(tables))('%s is what the code says (UPDATE_DOCS=1 writes it)', (name) => {
    expect(shown.get(name)).toBe(tables[name])
  })

  test('there are no others', () => {
    expect([...shown.keys()].sort()).toEqual(Object.keys(tables).sort())
  })
})

describe('text of the documents', () => {
  test('the README is read in ten minutes', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(450)
  })

  test('names no metric that is not there', () => {
    const known = Object.keys(metricTable)
    const named = [...all.matchAll(/`((?:validator_ejector_)?[a-z]+(?:_[a-z]+)+)(?:\{[^`]*\})?`/g)]
      .map(([, name = '']) => name.replace('validator_ejector_', ''))
      // Fields of messages, and labels, look the same.
      .filter(
        (name) =>
          !/^(validator_index|fork_version|public_key|signed_exit_message|extra_hosts)$/.test(name),
      )

    expect(named.length).toBeGreaterThan(known.length)
    expect(named.filter((name) => !known.includes(name))).toEqual([])
  })

  test('names no variable that is not there', () => {
    const known = [
      ...variables.map(({ name }) => name),
      'EJECTOR_UID',
      'EJECTOR_GID',
      'EJECTOR_IMAGE',
      'COMPOSE_FILE',
      // Of the consensus specification.
      'SHARD_COMMITTEE_PERIOD',
      'UPDATE_DOCS',
      ...READ_BY_LIBRARIES,
      'PROMETHEUS_PORT',
      'WATCH_PORT',
      'WATCH_SCOPE',
      'ALERTMANAGER_PORT',
      'GRAFANA_PORT',
      'GRAFANA_ADMIN_PASSWORD',
    ]
    const named = [...all.matchAll(/\b([A-Z]{3,}(?:_[A-Z]+)+)(?![A-Z_])/g)].map(([, name]) => name)

    expect(named.filter((name) => !known.includes(`${name}`))).toEqual([])
  })

  test('names no npm script that is not there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...all.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, name = '']) => name)

    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([])
  })

  test.each(documents)('$path leads to headings and files that are there', ({ path, text }) => {
    expect(brokenLinks(path, text)).toEqual([])
  })

  test('a link that leads nowhere would be noticed', () => {
    const text =
      '# A b\n[1](#a-b) [2](#c) [3](nothing.md) [4](../README.md#start) [5](../README.md#x)'

    expect(brokenLinks('docker/README.md', text)).toEqual(['#c', 'nothing.md', '../README.md#x'])
  })

  test('messages/README.md is no message, nor one that was meant', () => {
    expect(kindOfName('README.md')).toBe('none')
  })

  test('shows forms of messages that are understood', () => {
    const [, forms = ''] = /## Forms([\s\S]*?)## /.exec(read('messages/README.md')) ?? []
    const examples = [...forms.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => text)

    expect(examples.length).toBeGreaterThanOrEqual(6)
    for (const example of examples) {
      const filled = example
        .replaceAll(/("signature": ")0x…/g, `$10x${'ab'.repeat(96)}`)
        .replaceAll(/("(?:public_key|validatorPublicKey)": ")0x…/g, `$10x${'cd'.repeat(48)}`)
      expect(
        readShapes(JSON.parse(filled)).map(({ kind }) => kind),
        example,
      ).toEqual(['exit'])
    }
  })
})

describe('commands of the documents', () => {
  const blocks = documents.flatMap(({ text }) => readBlocks(text))

  test('what is not run by test:readme is marked, and checked here', () => {
    const marks = blocks.map(({ run }) => run)

    expect(marks.filter((mark) => !['here', 'docker', 'ci', 'keys'].includes(mark))).toEqual([])
    expect(marks.filter((mark) => mark === 'here').length).toBeGreaterThanOrEqual(4)
  })

  test('those for Docker are of docker compose, and name services that are there', () => {
    const services = Object.keys(parseYaml(read('docker-compose.yml')).services)
    const commands = blocks
      .filter(({ run }) => run === 'docker')
      .flatMap(({ commands }) => commands)

    expect(commands.length).toBeGreaterThan(0)
    for (const command of commands) {
      expect(command).toMatch(
        /^docker compose(?: --profile (?:monitoring|watch))? (up|logs|run|down|ps)( |$)/,
      )
      const [, service] = / (?:run .*?--rm|exec) (?:-\S+ \S+ )*([a-z-]+)/.exec(command) ?? []
      if (service !== undefined) expect(services).toContain(service)
    }
  })

  test('those where the keys are use commands and options that are there', async () => {
    const commands = blocks
      .filter(({ run }) => run === 'keys')
      .flatMap(({ commands }) => commands)
      .filter((command) => command.startsWith('validator-ejector '))

    expect(commands.length).toBeGreaterThan(4)
    for (const command of commands) {
      const [, name = '', ...rest] = command.split(' ')
      const { stdout } = await runHere([name, '--help'], {})
      expect(stdout).toContain(`Usage: validator-ejector ${name} `)
      for (const option of rest.filter((word) => word.startsWith('--'))) {
        expect(stdout, command).toContain(`${option} `)
      }
    }
  })

  test('the accounts of ethdo are found by public key', () => {
    const [awk = ''] = blocks.flatMap(({ commands }) =>
      commands.filter((command) => command.startsWith('awk ')),
    )
    const folder = temporaryFolder()
    const keys = ['0xaa', '0xbb', '0xcc', '0xdd']
    put(folder, 'pubkeys.txt', '0xbb\n0xdd\n')
    // As `ethdo wallet accounts --verbose` prints it; a distributed account has a key of its own too.
    const printed = keys.map((key, at) =>
      at === 3
        ? `Account ${at}\n UUID: x\n Public key: 0x11\n Composite public key: ${key}\n`
        : `Account ${at}\n UUID: x\nPath: m/12381/3600/${at}/0\n Public key: ${key}\n`,
    )
    put(folder, 'accounts.txt', printed.join(''))

    const found = execFileSync('sh', ['-c', awk.replace(/\|\s*$/, '')], { cwd: folder })

    expect(String(found)).toBe('Account 1\nAccount 3\n')
  })

  test('those for CI are steps of .ci/run', () => {
    const steps = read('.ci/run')
    const commands = blocks
      .filter(({ run }) => run === 'ci')
      .flatMap(({ commands }) => commands.flatMap((line) => line.split(' && ')))

    expect(commands).toContain('npm test')
    for (const command of commands)
      expect(steps).toMatch(new RegExp(`^.*step \\d+m ${command}`, 'm'))
  })
})
