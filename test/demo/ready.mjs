// Runs before anything else of the demo, and needs no package: says what is missing.
import { existsSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`The demo needs Node.js 20.19 or newer, and this is ${process.versions.node}.`)
  process.exitCode = 1
} else if (!existsSync(new URL('../../node_modules/typescript', import.meta.url))) {
  console.error('The demo needs the packages of this project. Install them first: npm ci')
  process.exitCode = 1
}
