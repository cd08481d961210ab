import type { SignedExitJson } from './beacon-exits.ts'
import type { BeaconNodeSettings } from './beacon-node.ts'
import type { Verdict } from './beacon-pool.ts'
import type { Asked } from './beacon-routes.ts'
import type { Answer } from './faults.ts'
import { json } from './http-server.ts'

/** POST of one exit: judged by the rules of the chain, answered in the manner of the client. */
export function postExit({ chain, settings, call }: Asked): Answer {
  const exit = parseExit(call.body)
  if (exit === undefined) return refusal(settings, 400, 'invalid JSON body', call.body)
  const { flavour, name } = settings
  const takesEarly = flavour === 'lodestar'
  const verdict = settings.keepsExits
    ? chain.offerExit(exit, name, takesEarly)
    : chain.judgeExit(exit)
  if (verdict.kind === 'accepted') return accepted(settings)
  return answerTo(verdict, settings, call.body)
}

function answerTo(verdict: Verdict, settings: BeaconNodeSettings, body: string): Answer {
  const { flavour } = settings
  if (verdict.kind === 'duplicate') {
    if (flavour === 'nimbus') return refusal(settings, 400, 'already seen', body)
    if (flavour === 'lodestar') {
      return refusal(settings, 500, 'VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS', body)
    }
    return accepted(settings)
  }
  if (verdict.kind === 'early' && flavour === 'lodestar') return accepted(settings)
  return refusal(settings, 400, 'why' in verdict ? verdict.why : 'refused', body)
}

/** Lighthouse says `null`, the others nothing. */
const accepted = ({ flavour }: BeaconNodeSettings): Answer => ({
  status: 200,
  body: flavour === 'lighthouse' || flavour === 'nimbus' ? 'null' : '',
})

function refusal(
  settings: BeaconNodeSettings,
  status: number,
  why: string,
  posted: string,
): Answer {
  const reason = settings.echoesExit ? `${why}: ${posted}` : why
  switch (settings.flavour) {
    case 'nimbus':
      return json(
        {
          code: status,
          message: 'Invalid voluntary exit, it did not pass validation',
          stacktraces: [reason],
        },
        status,
      )
    case 'lodestar':
      return json({ statusCode: status, error: 'Bad Request', message: reason }, status)
    case 'teku':
    case 'prysm':
      return json({ code: status, message: `Invalid voluntary exit: ${reason}` }, status)
    case 'lighthouse':
      return json(
        {
          code: status,
          message: `BAD_REQUEST: Invalid object: gossip verification failed: ExitValidationError(Invalid(${reason}))`,
          stacktraces: [],
        },
        status,
      )
  }
}

/** Both integers as decimal strings, or the message is not one. */
function parseExit(body: string): SignedExitJson | undefined {
  try {
    const { message, signature } = JSON.parse(body) as SignedExitJson
    const isUint = (value: unknown) => typeof value === 'string' && /^\d{1,20}$/.test(value)
    return isUint(message.epoch) && isUint(message.validator_index) && typeof signature === 'string'
      ? { message, signature }
      : undefined
  } catch {
    return undefined
  }
}
