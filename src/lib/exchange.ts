import type { HttpClient } from './http.ts'

/** One finished HTTP exchange with a node, for the metrics. `status` is absent without an answer. */
export type Exchange = {
  readonly seconds: number
  readonly status: number | undefined
  /** The answer was a 2xx. */
  readonly ok: boolean
}

export const isSuccess = ({ status }: { readonly status: number }) => status >= 200 && status < 300

/** The same client, with each exchange measured. */
export function observed(http: HttpClient, observe: (exchange: Exchange) => void): HttpClient {
  return async function request(what) {
    const start = performance.now()
    const seconds = () => (performance.now() - start) / 1_000
    try {
      const answer = await http(what)
      observe({ seconds: seconds(), status: answer.status, ok: isSuccess(answer) })
      return answer
    } catch (error) {
      observe({ seconds: seconds(), status: undefined, ok: false })
      throw error
    }
  }
}
