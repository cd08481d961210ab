/** Commands that stand together in a document, and what they are said to print. */
export type Block = {
  /** `here`: by `commands.ts`. Others stand in a comment before the block: `<!-- run: docker -->`. */
  readonly run: string
  readonly commands: readonly string[]
  /** Lines of the block of text behind it. `…` stands for anything. */
  readonly output: readonly string[]
}

const BLOCK = /(?:<!-- run: ([a-z]+) -->\n)?```sh\n([\s\S]*?)```\n/g
/** Other prose may stand between the commands and their output, but no other block or heading. */
const OUTPUT = /^((?!```|#|<!--).*\n)*?```text\n([\s\S]*?)```\n/

/** Every fenced `sh` block of a Markdown document, in its order. */
export function readBlocks(document: string): readonly Block[] {
  return [...document.matchAll(BLOCK)].map((match) => {
    const [whole, run = 'here', commands = ''] = match
    const [, , output = ''] = OUTPUT.exec(document.slice(match.index + whole.length)) ?? []
    return { run, commands: linesOf(commands), output: linesOf(output) }
  })
}

const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '')

/** True when a line that was printed is the one that is shown. */
export function isShown(shown: string, printed: string): boolean {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(printed)
}
