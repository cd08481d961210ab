/** Names of files and words of nodes may hold what drives a terminal, or reorders text. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** The same value with every text in it made fit for a terminal. Keys are ours, and stay. */
export function cleanTexts<Value>(value: Value): Value {
  const clean = (one: unknown): unknown => {
    if (typeof one === 'string') return one.replace(UNSAFE, '\ufffd')
    if (Array.isArray(one)) return one.map(clean)
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, clean(inner)]))
  }
  return clean(value) as Value
}
