import { join, resolve } from 'node:path'

/** The sources lie in `test/bench`, what is compiled of them in `.tmp/bench/test/bench`. */
const ROOT = resolve(import.meta.dirname, '../../../..')
export const DAEMON_MAIN = join(ROOT, 'dist/main.js')
export const CLI_MAIN = join(ROOT, 'dist/cli/main.js')
/** What goes into the inputs: a change of it makes them anew. */
export const GENERATORS = ['inputs.js', 'crew-worker.js'].map((name) =>
  join(import.meta.dirname, name),
)
/** What our own command makes of them hangs on this. */
export const ENCRYPT = join(ROOT, 'src/cli/encrypt')
export const INPUTS = join(ROOT, '.tmp/bench-inputs')
export const README = join(ROOT, 'test/README.md')
export const manifestOf = (name?: string) =>
  join(ROOT, name === undefined ? '' : `node_modules/${name}`, 'package.json')
export const RESULTS = join(ROOT, '.tmp/bench-results.json')
