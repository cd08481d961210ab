/** The same plain value with every text in it changed. Keys stay. */
export function mapTexts<Value>(value: Value, change: (text: string) => string): Value {
  const mapped = (one: unknown): unknown => {
    if (typeof one === 'string') return change(one)
    if (Array.isArray(one)) return one.map(mapped)
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, mapped(inner)]))
  }
  return mapped(value) as Value
}
