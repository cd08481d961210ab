// npm run size: is src/ as small and as plain as it should be? Ends with code 1, and the list, if not.
// Counted are lines as `wc -l` counts them, comments and blank lines too.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

/** `total` is what stands: it goes down with what is deleted, and up only on purpose. */
const MOST = { total: 31_200, file: 300, median: 110, function: 60, factory: 120 }

const files = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .toSorted()
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))

const linesOf = (text) => text.split('\n').length - 1
const sizes = files.map(({ text }) => linesOf(text)).toSorted((a, b) => a - b)
const total = sizes.reduce((sum, size) => sum + size, 0)
const median = sizes[Math.floor(sizes.length / 2)] ?? 0

const isFunction = ({ type }) =>
  ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(type)

/**
 * Every function of a file that has a name: its lines, and those of the named ones in it. A
 * callback is part of the function that hands it on.
 */
function functionsOf({ path, text }) {
  const found = []
  const lineOf = (offset) => linesOf(text.slice(0, offset)) + 1

  function visit(node, parent, around) {
    if (node === null || typeof node !== 'object') return
    if (Array.isArray(node)) {
      for (const one of node) visit(one, parent, around)
      return
    }
    if (typeof node.type !== 'string') return
    const name = isFunction(node) ? nameOf(node, parent) : undefined
    let inside = around
    if (name !== undefined) {
      const begins = lineOf(node.start)
      inside = { path, name, line: begins, lines: lineOf(node.end) - begins + 1, inner: 0 }
      if (around !== undefined) around.inner += inside.lines
      found.push(inside)
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'parent') visit(value, node, inside)
    }
  }
  visit(parseSync(path, text).program, undefined, undefined)
  return found
}

function nameOf(node, parent) {
  if (node.id?.name !== undefined) return node.id.name
  if (parent?.type === 'VariableDeclarator') return parent.id.name
  if (parent?.type === 'Property' || parent?.type === 'MethodDefinition') return parent.key.name
  return undefined
}

const functions = files.flatMap(functionsOf)
const where = ({ path, line, name }) => `${path}:${line} ${name}`
const complaints = [
  ...(total > MOST.total ? [`src/ has ${total} lines, at most ${MOST.total}`] : []),
  ...(median > MOST.median
    ? [`half of the files have ${median} lines or more, at most ${MOST.median}`]
    : []),
  ...files
    .filter(({ text }) => linesOf(text) > MOST.file)
    .map(({ path, text }) => `${path}: ${linesOf(text)} lines, at most ${MOST.file}`),
  ...functions
    .filter(({ lines, inner }) => lines - inner > MOST.function)
    .map(
      (one) => `${where(one)}: ${one.lines - one.inner} lines of its own, at most ${MOST.function}`,
    ),
  ...functions
    .filter(({ lines }) => lines > MOST.factory)
    .map((one) => `${where(one)}: ${one.lines} lines with what is in it, at most ${MOST.factory}`),
]

console.log(
  `src/: ${total} lines in ${files.length} files, median ${median}, largest ${sizes.at(-1)}; ${functions.length} functions`,
)
for (const complaint of complaints) console.log(complaint)
process.exitCode = complaints.length > 0 ? 1 : 0
