import { jsonOf } from '../lib/json.ts'

/**
 * What a pool's answer with a 2xx status says against the exit, if anything. Nothing, `null` and
 * `{}` are acceptance, and so is Nimbus' `{"code":200,"message":"…"}`; an error inside is none.
 *
 * @param text - the body
 * @returns the body, where it holds a rejection
 */
export function rejectionIn(text: string): string | undefined {
  // Where it is not JSON, the status is all that was said.
  const body = jsonOf(text)
  if (typeof body !== 'object' || body === null) return undefined
  const told = body as Readonly<Record<string, unknown>>
  const code = told.code ?? told.statusCode
  const isGood = code !== undefined && /^2\d\d$/.test(String(code))
  const hasFailures = Array.isArray(told.failures) && told.failures.length > 0
  const hasCode = code !== undefined && code !== null && !isGood
  const hasWords = !isGood && [told.message, told.error].some((words) => Boolean(words))
  return hasFailures || hasCode || hasWords || told.error ? text : undefined
}
