import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { docker, run } from './tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'unit-'))
afterAll(() => rmSync(folder, { recursive: true }))

const unit = readFileSync(docker('validator-ejector.service'), 'utf8')

/** The unit as a file of its name; programs are where this machine has them. */
function install(text: string): string {
  const file = join(folder, 'validator-ejector.service')
  const main = join(process.cwd(), 'dist/main.js')
  writeFileSync(file, text.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath} ${main}`))
  return file
}

test.each([
  ['as it is', unit],
  ['with its comments switched on', unit.replace(/^# (?=(?:LoadCredential|Environment)=)/gm, '')],
])('systemd takes the unit %s', async (_, text) => {
  const { code, output } = await run('systemd-analyze', ['verify', install(text)])

  // An unknown setting is no failure for systemd, but a line of its own.
  expect(output).not.toContain('validator-ejector.service')
  expect(code, output).toBe(0)
})

test('a mistake in it would be noticed', async () => {
  const { output } = await run('systemd-analyze', [
    'verify',
    install(unit.replace('ProtectHome=', 'ProtectHoem=')),
  ])

  expect(output).toContain('ProtectHoem')
})

test('it may do no more than it must: an exposure of 2 of 10 at most', async () => {
  const args = ['security', '--offline=true', '--threshold=20', '--no-pager', install(unit)]
  const { code, output } = await run('systemd-analyze', args)

  expect(code, output).toBe(0)
})

test('its paths are those that the document tells', () => {
  const text = readFileSync(docker('README.md'), 'utf8')

  for (const path of ['/opt/validator-ejector', '/etc/validator-ejector', '/usr/bin/node']) {
    expect(unit).toContain(path)
    expect(text).toContain(path)
  }
})
