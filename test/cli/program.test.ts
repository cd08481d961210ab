import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../messages/fixtures.ts'
import { inFolder, runHere, startCommand } from './command.ts'

const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  startCommand(args, env, temporaryFolder()).ended

test('a wrong command ends the process with code 2', async () => {
  const { code, stdout, stderr } = await run(['chek'])

  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain("✗ unknown command 'chek'")
})

describe('the program', () => {
  test('lists its commands, and each shows its options, an example and its exit codes', async () => {
    const [all, ...each] = await Promise.all([
      run(['--help']),
      ...['run', 'check', 'explain', 'encrypt', 'next', 'sign'].map((name) =>
        run([name, '--help']),
      ),
    ])

    for (const name of ['run', 'check', 'explain', 'encrypt', 'next', 'sign']) {
      expect(all.stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
    for (const { code, stdout, stderr } of each) {
      expect(stdout).toMatch(/Examples?\n {2}validator-ejector \w+/)
      expect(stdout).toContain('Exit codes\n')
      expect(stdout).toContain('--json')
      expect(stdout).toContain('--debug')
      expect(stderr).toBe('')
      expect(code).toBe(0)
    }
  })

  test.each([
    [['chek'], "unknown command 'chek'", 'Did you mean check?'],
    [['check', '--fast'], "unknown option '--fast'", '--help'],
    [['check', 'more'], "too many arguments for 'check'", '--help'],
    [['explain'], "missing required argument 'validator'", '--help'],
    [
      ['check', '--from-block', 'soon'],
      '"soon" is not a whole number',
      'for example --from-block 1',
    ],
  ])('%j: what is wrong, what to do, and code 2', async (args, what, hint) => {
    const { code, stdout, stderr } = await runHere(args, {})

    expect(stderr).toMatch(/^✗ /)
    expect(stderr).toContain(what)
    expect(stderr).toContain('\n  → ')
    expect(stderr).toContain(hint)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test.each([[[]], [['run']]])('%j: is the daemon', async (args) => {
    const { code, stdout } = await run(args, { LOGGER_FORMAT: 'simple' })

    expect(stdout).toMatch(/^\S+ \S+ error: EXECUTION_NODE: is required/m)
    expect(code).toBe(1)
  })

  test.each([[['--json']], [['run', '--json']]])(
    '%j: is the daemon with a log in JSON',
    async (args) => {
      const { stdout } = await run(args)

      const levels = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).level)
      // Where .env was looked for, and what is missing.
      expect(new Set(levels)).toEqual(new Set(['warn', 'error']))
    },
  )

  test('an option for all commands may stand before the name', async () => {
    const { code, stdout } = await run(['--json', 'check'])

    expect(JSON.parse(stdout)).toMatchObject({ ok: false, messages: null })
    expect(code).toBe(2)
  })

  test('reads .env of its working folder', async () => {
    const home = temporaryFolder()
    writeFileSync(join(home, '.env'), 'EXECUTION_NODE=nonsense\n')

    const { stdout } = await startCommand(['check'], {}, home).ended

    expect(stdout).toMatch(/✗ EXECUTION_NODE: .*http/)
  })

  test.each([
    [['explain', '7', '--json'], 'EXECUTION_NODE: is required'],
    [['explain', 'x', '--json'], 'explain: that names no validator'],
    [['encrypt', 'a', 'b', '--json'], 'encrypt: there is no password'],
    [['encrypt', '--json'], "missing required argument 'input'"],
  ])('%j: what could not be begun is one object too', async (args, message) => {
    const { code, stdout, stderr } = await runHere(args, {})

    const { error } = JSON.parse(stdout)
    expect(error.message).toContain(message)
    expect(stderr).toContain(message)
    expect(stderr).toContain(`→ ${error.remedy}`)
    expect(code).toBe(2)
  })

  test('tells its version', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test('encrypt --json prints one object', async () => {
    const home = temporaryFolder()
    writeFileSync(join(home, 'x.json'), 'not JSON')

    const { code, stdout } = await inFolder(home, () =>
      runHere(['encrypt', '.', 'out', '--json'], { MESSAGES_PASSWORD: 'hush-hush' }),
    )

    expect(JSON.parse(stdout)).toMatchObject({
      files: 1,
      encrypted: 0,
      refused: [{ file: 'x.json', why: expect.any(String) }],
    })
    expect(code).toBe(1)
  })
})
