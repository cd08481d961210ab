import { join, resolve } from 'node:path'

/** The sources lie in `test/demo`, what is compiled of them in `.tmp/demo/test/demo`. */
export const ROOT = resolve(import.meta.dirname, '../../../..')
export const DAEMON_MAIN = join(ROOT, 'dist/main.js')
export const CLI_MAIN = join(ROOT, 'dist/cli/main.js')
