/** What stays true is said again this often. */
const SAY_AGAIN_MS = 60 * 60 * 1_000

/** Remembers what was said. */
export function createNews(now: () => number) {
  const said = new Map<string, { readonly text: string; readonly at: number }>()
  return {
    /** True when this is news about the subject, or an hour has passed since it was said. */
    isNews(subject: string, text: string): boolean {
      const before = said.get(subject)
      if (before?.text === text && now() - before.at < SAY_AGAIN_MS) return false
      said.set(subject, { text, at: now() })
      return true
    },
    forgetOld(): void {
      for (const [subject, { at }] of said) if (now() - at >= SAY_AGAIN_MS) said.delete(subject)
    },
  }
}

export type IsNews = ReturnType<typeof createNews>['isNews']
