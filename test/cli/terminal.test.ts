import { execFileSync, spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { CommandError } from '../../src/cli/context.ts'
import { complain } from '../../src/cli/program.ts'
import { createTerminal } from '../../src/cli/terminal.ts'
import { temporaryFolder } from '../messages/fixtures.ts'
import { follow, MAIN, startCommand } from './command.ts'

const ESCAPE = '\u001b'

/** A stream that keeps what is written. */
function recorder(isTTY: boolean) {
  const written: string[] = []
  const stream = {
    isTTY,
    columns: 80,
    write(chunk: string | Uint8Array) {
      written.push(String(chunk))
      return true
    },
    // What bars ask of a terminal.
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  }
  return { stream, text: () => written.join('') }
}

function open(isTTY: boolean, env: NodeJS.ProcessEnv = {}) {
  const [out, err] = [recorder(isTTY), recorder(isTTY)]
  return { out, err, terminal: createTerminal(out.stream, err.stream, env) }
}

describe('the terminal', () => {
  test('colours show on a terminal only, and NO_COLOR takes them away', () => {
    const red = (isTTY: boolean, env?: NodeJS.ProcessEnv) => {
      const { terminal } = open(isTTY, env)
      return [terminal.colour.red('x'), terminal.errColour.red('x')]
    }

    expect(red(true).every((text) => text.includes(ESCAPE))).toBe(true)
    for (const plain of [red(false), red(true, { NO_COLOR: '1' }), red(true, { TERM: 'dumb' })]) {
      expect(plain).toEqual(['x', 'x'])
    }
    expect(red(true, { NO_COLOR: '' })).toEqual(red(true))
  })

  test('a bar is drawn on standard error, and gone when it ends', () => {
    const { out, err, terminal } = open(true)
    const bar = terminal.bar('reading', 10)
    bar.set(5)
    terminal.out('a line')
    bar.set(10, 20)
    bar.end()
    bar.end()

    expect(err.text()).toContain('reading')
    expect(err.text()).toMatch(/10\/20/)
    expect(out.text()).toBe('a line\n')
  })

  test('without a terminal a bar is no more than a line now and then', () => {
    const { err, terminal } = open(false)
    const bar = terminal.bar('reading', 10)
    for (let done = 0; done <= 10; done += 1) bar.set(done)
    bar.end()

    expect(err.text()).toBe('')
  })

  test('secrets are masked wherever they are written, in JSON text by text', () => {
    const { out, err, terminal } = open(false)
    terminal.hide(['hush-hush', '1234'])
    terminal.out('it is hush-hush')
    terminal.err('still hush-hush')
    terminal.json({ secret: 'hush-hush', count: 12345, big: 1n })

    expect(out.text()).toMatch(/^it is <secret>\n/)
    expect(err.text()).toBe('still <secret>\n')
    const json = JSON.parse(out.text().slice(out.text().indexOf('{')))
    expect(json).toEqual({ secret: '<secret>', count: 12345, big: '1' })
  })
})

describe('a complaint', () => {
  const complaint = (error: unknown, isDebug: boolean) => {
    const { err, terminal } = open(false)
    terminal.hide(['hush-hush'])
    complain(terminal, error, isDebug)
    return err.text()
  }

  test('says what, why, and what to do', () => {
    const error = new CommandError('encrypt: there is no password', 'set MESSAGES_PASSWORD')

    expect(complaint(error, false)).toBe(
      '✗ encrypt: there is no password\n  → set MESSAGES_PASSWORD\n',
    )
  })

  test('of what nobody thought of has a stack with --debug only, and never a secret', () => {
    const error = new Error('no luck with hush-hush')

    expect(complaint(error, false)).toBe(
      '✗ unexpected error: no luck with <secret>\n  → with --debug it says where this comes from\n',
    )
    expect(complaint(error, true)).toContain('terminal.test.ts')
    expect(complaint(error, true)).not.toContain('hush-hush')
  })
})

describe('a command', () => {
  test('prints no escape codes into a pipe', async () => {
    const { stdout, stderr } = await startCommand(['check'], {}, temporaryFolder()).ended

    expect(stdout).toContain('✗ EXECUTION_NODE')
    expect(stdout + stderr).not.toContain(ESCAPE)
  })

  test.skipIf(!hasScript())('shows colours on a terminal, but for NO_COLOR', async () => {
    const onTerminal = (env: NodeJS.ProcessEnv) => {
      const args = ['-qec', `"${process.execPath}" "${MAIN}" check`, '/dev/null']
      const options = { cwd: temporaryFolder(), env: { PATH: process.env.PATH, ...env } }
      return follow(spawn('script', args, options)).ended
    }

    const [coloured, plain] = await Promise.all([
      onTerminal({ TERM: 'xterm' }),
      onTerminal({ TERM: 'xterm', NO_COLOR: '1' }),
    ])

    expect(coloured.stdout).toContain(`${ESCAPE}[31m✗${ESCAPE}[39m EXECUTION_NODE`)
    expect(plain.stdout).toContain('✗ EXECUTION_NODE')
    expect(plain.stdout).not.toContain(ESCAPE)
    expect([coloured.code, plain.code]).toEqual([2, 2])
  })
})

/** util-linux's, which gives a command a terminal of its own. */
function hasScript(): boolean {
  try {
    return execFileSync('script', ['--version']).includes('util-linux')
  } catch {
    return false
  }
}
