import assert from 'node:assert/strict'
import type { Stage } from './stage.ts'

/** Of one operator: exits that are under way or not begun, and those that a block holds. */
type Numbers = { readonly open: number; readonly done: number }
type Row = {
  readonly module: number
  readonly operator: number
  readonly watched: Numbers
}

/**
 * `watch --once` of the built command, with neither scope nor messages, sees every operator that was
 * asked, and what became of its exits.
 *
 * @param expected - by `module:operator`
 */
export async function expectWatch(
  stage: Stage,
  main: string,
  settings: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, Numbers>>,
): Promise<void> {
  const { EJECTOR_SCOPE: _scope, STATE_FILE: _file, ...rest } = settings
  const child = stage.launch('watch', process.execPath, [main, 'watch', '--once', '--json'], {
    cwd: stage.folder,
    env: { PROOF: 'oracle', ...rest },
    ends: true,
  })
  assert.equal(await child.ended, 0, child.output())
  const { operators } = JSON.parse(child.output().slice(child.output().indexOf('{')))
  const seen = (operators.rows as readonly Row[]).map(({ module, operator, watched }) => [
    `${module}:${operator}`,
    { open: watched.open, done: watched.done },
  ])
  assert.deepEqual(Object.fromEntries(seen), expected)
}
