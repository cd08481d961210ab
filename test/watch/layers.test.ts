import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)

/** What the linter says of a file of this name with this text, under the rules of this project. */
function lint(path: string, text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'))
  try {
    copyFileSync(new URL('biome.json', root), join(folder, 'biome.json'))
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    const biome = fileURLToPath(new URL('node_modules/.bin/biome', root))
    const args = ['lint', '--vcs-enabled=false', '--max-diagnostics=20', path]
    const { status, stdout, stderr } = spawnSync(biome, args, { cwd: folder, encoding: 'utf8' })
    return { status, said: stdout + stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the linter refuses a way out in what watch is made of', () => {
  test.each([
    ['src/watch.ts', './exits/pool.ts', 'createPoolSink'],
    ['src/watch/cycle.ts', '../consensus/exit-submitter.ts', 'createExitSubmitter'],
    ['src/watch/cycle.ts', '../exits/webhook.ts', 'createWebhookSink'],
    ['src/watch/reporter.ts', '../messages/loader.ts', 'createMessageLoader'],
    ['src/watch/status.ts', '../app/offer.ts', 'createOffer'],
    ['src/app/daemon.ts', './messages.ts', 'createMessages'],
    ['src/app/daemon.ts', './message-source.ts', 'openMessageSource'],
    ['src/app/reading.ts', './pipeline.ts', 'createPipeline'],
    ['src/app/nodes.ts', '../cycle.ts', 'createCycle'],
  ])('%s: %s', (path, from, name) => {
    const planted = `import { ${name} } from '${from}'\n\nexport const planted = ${name}\n`
    const { status, said } = lint(path, planted)

    expect(status).not.toBe(0)
    expect(said).toContain('watch hands out nothing')
  })

  test('and lets it stand as it is', () => {
    const { status } = lint('src/watch.ts', readFileSync(new URL('src/watch.ts', root), 'utf8'))
    expect(status).toBe(0)
  })
})

/** Every file that is loaded with this one, types apart. */
function loadedWith(entry: string): readonly string[] {
  const found = new Set<string>()
  const visit = (file: URL) => {
    if (found.has(file.href) || !existsSync(file)) return
    found.add(file.href)
    const text = readFileSync(file, 'utf8')
    const imports = [
      ...text.matchAll(/^(?:import|export) (?!type\b)[^'"]*?from '(\.[^']+)'/gm),
      ...text.matchAll(/\bimport\('(\.[^']+)'\)/g),
    ]
    for (const [, path = ''] of imports) visit(new URL(path, file))
  }
  visit(new URL(entry, root))
  const home = new URL('src/', root).href
  return [...found].map((href) => href.slice(home.length)).sort()
}

describe('what is loaded', () => {
  /** Whatever takes a message, or hands one over. */
  const isWayOut = (file: string) =>
    /^(exits|cli)\/|^consensus\/exit-submitter|^app\/(messages|offer|open-store|pipeline|jobs)|^(app|cycle|main)\.ts/.test(
      file,
    ) ||
    (/^messages\//.test(file) && file !== 'messages/reasons.ts')

  test('with watch holds nothing that could exit a validator', () => {
    const files = loadedWith('src/watch.ts')

    expect(files).toContain('watch/cycle.ts')
    expect(files).toContain('proof/prover.ts')
    expect(files.length).toBeGreaterThan(80)
    expect(files.filter(isWayOut)).toEqual([])
  })

  test('with the daemon does, so that this would be noticed', () => {
    const files = loadedWith('src/app.ts').filter(isWayOut)

    expect(files).toEqual(
      expect.arrayContaining(['consensus/exit-submitter.ts', 'exits/pool.ts', 'exits/webhook.ts']),
    )
  })
})
