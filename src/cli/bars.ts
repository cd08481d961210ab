import type { Bar, Terminal } from './context.ts'

export type Bars = ReturnType<typeof createBars>

/** One bar at a time: what begins later takes the place of what was before. */
export function createBars(terminal: Pick<Terminal, 'bar'>) {
  let current: { readonly what: string; readonly bar: Bar } | undefined

  return {
    tell(what: string, done: number, total: number): void {
      if (current?.what !== what) {
        current?.bar.end()
        current = { what, bar: terminal.bar(what, total) }
      }
      current.bar.set(done, total)
    },
    end(): void {
      current?.bar.end()
      current = undefined
    },
  }
}
