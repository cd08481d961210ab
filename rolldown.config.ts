import { readdirSync } from 'node:fs'
import { defineConfig, type Plugin } from 'rolldown'

const WORKERS = readdirSync('src/lib')
  .filter((file) => file.endsWith('-worker.ts'))
  .map((file) => `lib/${file.replace(/\.ts$/, '')}`)
const ENTRIES = ['main', 'cli/main', ...WORKERS]

/** Native code, or not there unless somebody asks for it: these stay packages. */
const PACKAGES = [
  '@chainsafe/blst',
  'bls-eth-wasm',
  'libsql',
  '@aws-sdk/client-s3',
  '@google-cloud/storage',
]

/**
 * One letter that is none of Latin-1 makes Node.js keep a whole file in two bytes a letter, for as
 * long as the process runs. Only a tag that reads a template raw would see the difference: there is none.
 */
const onlyAscii: Plugin = {
  name: 'only-ascii',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue
      const [bad] = /\\[^\0-\x7f]/.exec(chunk.code) ?? []
      if (bad !== undefined) this.error(`${chunk.fileName}: cannot be written in ASCII: ${bad}`)
      chunk.code = chunk.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${hexOf(unit)}`)
    }
  },
}
const hexOf = (unit: string) => unit.charCodeAt(0).toString(16).padStart(4, '0')

/**
 * `src` becomes a few files, since hundreds of modules cost more to find and to open, at each start
 * and in each thread, than to run. They stay readable; what is ours is in `dist/lib`, what is of
 * others in `dist/packages`.
 */
export default defineConfig({
  input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
  platform: 'node',
  tsconfig: 'tsconfig.json',
  external: PACKAGES,
  plugins: [onlyAscii],
  output: {
    // It takes the place of `dist` when it is whole.
    dir: '.tmp/dist',
    entryFileNames: '[name].js',
    // As deep as the sources that look for a file beside them, or for package.json.
    chunkFileNames: ({ name }) =>
      name.startsWith('packages') ? 'packages/[hash].js' : 'lib/[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'packages', test: /node_modules/, entriesAware: true }] },
  },
})
