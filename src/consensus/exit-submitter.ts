import { type Exchange, isSuccess, observed } from '../lib/exchange.ts'
import type { HttpClient } from '../lib/http.ts'
import { quote } from '../lib/secret.ts'
import type { SignedExit } from '../messages/exit-message.ts'
import { NodeRefusedError } from './answers.ts'
import { CALL_TIMEOUT_MS } from './consensus-node.ts'
import { rejectionIn } from './pool-answer.ts'

/**
 * Returns a function that hands one exit to one node's pool, and gives the status of its answer. It
 * throws NodeRefusedError on any answer outside 2xx, and on one that holds an error.
 *
 * @see https://ethereum.github.io/beacon-APIs (submitPoolVoluntaryExit)
 */
export function createExitSubmitter(
  http: HttpClient,
  observe: (exchange: Exchange) => void,
  timeoutMs: number = CALL_TIMEOUT_MS,
) {
  const request = observed(http, observe)

  return async function submitExit(exit: SignedExit, signal: AbortSignal): Promise<number> {
    const path = '/eth/v1/beacon/pool/voluntary_exits'
    const answer = await request({ method: 'POST', path, body: toWire(exit), timeoutMs, signal })
    const rejection = isSuccess(answer) ? rejectionIn(answer.text) : answer.text
    if (rejection === undefined) return answer.status
    throw new NodeRefusedError('submit voluntary exit', answer.status, quote(rejection, 500))
  }
}

/** Spec: phase0 `SignedVoluntaryExit`, as JSON. */
export const toWire = (exit: SignedExit) => ({
  message: { epoch: String(exit.epoch), validator_index: String(exit.validatorIndex) },
  signature: exit.signature,
})
