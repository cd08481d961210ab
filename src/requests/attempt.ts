import { messageOf } from '../lib/message-of.ts'

type Attempt = <Value>(what: string, work: () => Promise<Value>) => Promise<Value | undefined>

/** A step that fails is noted and does not stop the others; only the end of the cycle does. */
export function createAttempt(failures: string[], signal: AbortSignal): Attempt {
  return async function attempt(what, work) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      failures.push(`${what}: ${messageOf(error)}`)
      return undefined
    }
  }
}
