import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, describe, type TestContext, test } from 'vitest'
import { until } from '../support/until.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** Not where `npm run demo` builds: it may be running. */
const BUILT = join(ROOT, '.tmp/demo-test')
const RUN_TIMEOUT_MS = 300_000

beforeAll(() => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const project = join(ROOT, 'test/demo/tsconfig.json')
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', BUILT], { stdio: 'inherit' })
}, RUN_TIMEOUT_MS)

/** The built demo as a process of its own, whose temporary files lie in a folder of ours. */
function startDemo(context: TestContext, ...args: readonly string[]) {
  return start(context, process.execPath, [join(BUILT, 'test/demo/main.js'), ...args])
}

/** On a terminal, as `script` makes one. */
function startOnTerminal(context: TestContext, ...args: readonly string[]) {
  const command = [process.execPath, join(BUILT, 'test/demo/main.js'), ...args].join(' ')
  return start(context, 'script', ['-qec', command, '/dev/null'])
}

function start({ onTestFinished }: TestContext, command: string, args: readonly string[]) {
  const temporary = mkdtempSync(join(tmpdir(), 'demo-test-'))
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, TMPDIR: temporary },
  })
  onTestFinished(() => {
    child.kill('SIGTERM')
    rmSync(temporary, { recursive: true, force: true })
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return {
    child,
    ended: new Promise<number | null>((end) => child.on('close', end)),
    output: () => output,
    said: (text: string | RegExp) =>
      until(`the demo says ${text}`, () => new RegExp(text).test(output), RUN_TIMEOUT_MS),
    leftBehind: () => readdirSync(temporary),
  }
}

/** Fields of `/proc/<pid>/stat` after the name: state, parent. */
function childrenOf({ pid }: ChildProcess): number[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return processes.filter((name) => parentOf(name) === pid).map(Number)
}

function parentOf(name: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.concurrent('the demo', { timeout: RUN_TIMEOUT_MS }, () => {
  test.for([
    ['as it comes', []],
    ['without anvil', ['--simulator']],
  ] as const)(
    '%s: exactly those leave who should, and nothing stays behind',
    async (row, context) => {
      const { expect } = context
      const demo = startDemo(context, ...row[1])

      const code = await demo.ended

      expect(demo.output()).toContain('Exactly validators 0, 1, 3, 4, 5, 8 have left.')
      expect(demo.output()).toContain('The runway has sunk to 1.')
      expect(demo.output()).toContain('The runway is 6 now.')
      expect(demo.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/metrics/)
      expect(demo.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/health/)
      expect(code).toBe(0)
      expect(demo.leftBehind()).toEqual([])
    },
  )

  test
    .skipIf(process.platform !== 'linux')
    .for(['A network for the demo', 'The daemon starts', 'exit submitted'])(
    'Ctrl-C at "%s" leaves no process and no folder',
    async (instant, context) => {
      const { expect } = context
      const demo = startDemo(context)
      await demo.said(instant)
      const children = childrenOf(demo.child)

      demo.child.kill('SIGINT')
      // Somebody impatient.
      demo.child.kill('SIGINT')
      const code = await demo.ended

      if (instant === 'exit submitted') expect(children.length).toBeGreaterThan(0)
      expect(code).toBe(130)
      expect(children.filter(isAlive)).toEqual([])
      expect(demo.leftBehind()).toEqual([])
    },
  )

  test('on a terminal it takes keys, and a second daemon finds all in a folder', async (context) => {
    const { expect } = context
    const demo = startOnTerminal(context, '--keep')
    await demo.said('q {2}Quit')
    const press = (key: string) => demo.child.stdin.write(key)

    press('n')
    await demo.said(/exit submitted.*"validator":12\b/)
    press('f')
    await demo.said(/not proven.*"validator":13\b/)
    press('d')
    press('n')
    await demo.said(/exit submitted.*"validator":14\b/)
    press('d')
    press('r')
    // Reports come through that member and past it in turn.
    press('n')
    press('n')
    await demo.said(/ORACLE_ADDRESSES_ALLOWLIST is not/)

    const [, second = ''] = /cd (\S+) && node \S+ check/.exec(demo.output()) ?? []
    const check = spawnSync(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'check'], {
      cwd: second,
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    })
    expect(check.stdout).toContain('operators of module 1: 7')
    expect(check.stdout).toMatch(/✓ operator 7/)
    const wrong = spawnSync(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'check'], {
      cwd: second,
      env: { PATH: process.env.PATH, EJECTOR_SCOPE: '{"1":[9],"2":[7]}' },
      encoding: 'utf8',
    })
    expect(wrong.stdout).toMatch(/✗ operator 9/)
    expect(wrong.stdout).toMatch(/✗ .*module 2/)
    expect(wrong.status).toBe(1)
    // On a terminal a key is no longer than a line.
    expect(demo.output()).toMatch(/0x[0-9a-f]{8}…[0-9a-f]{5}/)
    expect(demo.output()).not.toMatch(/0x[0-9a-f]{64}/)

    press('q')
    expect(await demo.ended).toBe(0)
    expect(demo.output()).toContain('Exactly validators 0, 1, 3, 4, 5, 8 have left.')
    expect(demo.leftBehind()).toEqual([])
  })

  test('without packages it says what to do', ({ expect, onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    mkdirSync(join(folder, 'test/demo'), { recursive: true })
    cpSync(join(ROOT, 'test/demo/ready.mjs'), join(folder, 'test/demo/ready.mjs'))
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

    const ran = spawnSync('sh', ['-c', scripts.demo], { cwd: folder, encoding: 'utf8' })
    expect(ran.stderr).toContain('npm ci')
    expect(ran.status).toBe(1)
  })

  test('what it does not understand is refused', async (context) => {
    const { expect } = context
    const demo = startDemo(context, '--kep')
    expect(await demo.ended).toBe(2)
    expect(demo.output()).toContain('usage: npm run demo [-- [--keep] [--simulator]]')
  })
})
