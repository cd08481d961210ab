import type { Child } from '../devnet/stage.ts'

/** Often enough that nobody sees the difference. Milliseconds. */
const SHOW_INTERVAL_MS = 50

const isColourful = process.stdout.isTTY === true && !process.env.NO_COLOR
const paint = (code: number, text: string) =>
  isColourful ? `\u001b[${code}m${text}\u001b[0m` : text

/** A log line with whole keys and hashes fills a terminal six times over; in a pipe it stays whole. */
const readable = (text: string) =>
  process.stdout.isTTY
    ? text.replace(/\b(0x[0-9a-f]{8})[0-9a-f]{27,}([0-9a-f]{5})\b/g, '$1…$2')
    : text

const indented = (text: string) => readable(text).replaceAll(/^/gm, '  ').trimEnd()

export type Screen = ReturnType<typeof createScreen>

/** What the reader sees: headings, words of our own, and the log of the daemon as it comes. */
export function createScreen(print: (text: string) => void) {
  let followed: { readonly child: Child; shown: number } | undefined

  /** Whole lines only. */
  function show() {
    if (followed === undefined) return
    const output = followed.child.output()
    const end = output.lastIndexOf('\n') + 1
    const news = output.slice(followed.shown, end)
    followed.shown = end
    if (news !== '') print(indented(news))
  }
  const timer = setInterval(show, SHOW_INTERVAL_MS).unref()

  const say = (text: string) => {
    show()
    print(text)
  }
  return {
    say,
    /** What a command printed. */
    show: (output: string) => say(indented(output)),
    /** What is about to happen. */
    heading: (...lines: readonly string[]) => say(`\n${paint(1, `▶ ${lines.join('\n  ')}`)}`),
    good: (text: string) => say(paint(32, text)),
    bad: (text: string) => say(paint(31, text)),
    /** From now on everything that this one says is shown, indented. */
    follow(child: Child) {
      show()
      followed = { child, shown: 0 }
    },
    close() {
      show()
      clearInterval(timer)
    },
  }
}
