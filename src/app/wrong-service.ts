import { NodeRefusedError } from '../consensus/answers.ts'
import { type HttpClient, NoAnswerError } from '../lib/http.ts'
import { jsonObjectOf } from '../lib/json.ts'
import type { LayerName } from '../lib/layer.ts'

/** Milliseconds for one question. */
const ASK_MS = 5_000
/** What each service answers and no other does. */
const SERVICES = [
  {
    name: 'an execution node',
    ask: { method: 'POST', body: { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] } },
    isIt: (answer: Fields) => 'jsonrpc' in answer,
  },
  {
    name: 'a consensus node',
    ask: { method: 'GET', path: '/eth/v1/node/version' },
    isIt: ({ data }: Fields) => typeof data === 'object' && data !== null && 'version' in data,
  },
  {
    name: 'a Keys API',
    ask: { method: 'GET', path: '/v1/status' },
    isIt: (answer: Fields) => 'appVersion' in answer && 'elBlockSnapshot' in answer,
  },
] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * Names what answers behind a URL, if it is not what the URL is configured for.
 *
 * @param error - why the node could not be read
 * @returns an error that says so, or the same one
 */
export async function explainWrongService(
  error: unknown,
  layer: LayerName,
  http: HttpClient,
  signal: AbortSignal,
): Promise<unknown> {
  // Who answers nothing at all is nobody that could be named.
  const answered =
    error instanceof NodeRefusedError ||
    (error instanceof NoAnswerError && error.cause === undefined)
  if (!answered) return error
  const others = SERVICES.filter(({ name }) => !name.endsWith(`${layer} node`))
  const found = await Promise.all(
    others.map(async ({ name, ask, isIt }) => {
      const answer = await http({ ...ask, timeoutMs: ASK_MS, signal }).catch(() => undefined)
      return isIt(jsonObjectOf(answer?.text ?? '') ?? {}) ? [name] : []
    }),
  )
  const [name] = found.flat()
  if (name === undefined) return error
  const variables = 'EXECUTION_NODE and CONSENSUS_NODE'
  const remedy = name === 'a Keys API' ? `correct ${variables}` : `are ${variables} swapped?`
  return new NoAnswerError(
    `looks like ${name}, and not like the ${layer} node that is wanted: ${remedy}`,
  )
}
