/** Commands that stand together in a document, and what they are said to print. */
export type Block = {
  /** `here`: by `commands.ts`. Others stand in a comment before the block: `<!-- run: docker -->`. */
  readonly run: string
  readonly commands: readonly string[]
  /** Lines of the block of text behind it. `…` stands for anything. */
  readonly output: readonly string[]
  /** As the prose between commands and output says: "… with code 1". */
  readonly exitCode: number
}

const BLOCK = /(?:<!-- run: ([a-z]+) -->\n)?```sh\n([\s\S]*?)```\n/g
/** Other prose may stand between the commands and their output, but no other block or heading. */
const OUTPUT = /^((?:(?!```|#|<!--).*\n)*?)```text\n([\s\S]*?)```\n/

/** Every fenced `sh` block of a Markdown document, in its order. */
export function readBlocks(document: string): readonly Block[] {
  return [...document.matchAll(BLOCK)].map((match) => {
    const [whole, run = 'here', commands = ''] = match
    const behind = document.slice(match.index + whole.length)
    const [, prose = '', output = ''] = OUTPUT.exec(behind) ?? []
    const [, code = '0'] = /with code (\d+)/.exec(prose) ?? []
    return { run, commands: linesOf(commands), output: linesOf(output), exitCode: Number(code) }
  })
}

const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '')

/** The lines that are shown and were not printed, in this order. */
export function missingLines(shown: readonly string[], printed: string): readonly string[] {
  const left = printed.split('\n')
  return shown.filter((line) => {
    const at = left.findIndex((candidate) => isShown(line, candidate))
    if (at >= 0) left.splice(0, at + 1)
    return at < 0
  })
}

function isShown(shown: string, printed: string): boolean {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(printed)
}
