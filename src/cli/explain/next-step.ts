import type { ValidatorIndex } from '../../lib/primitives.ts'
import type { Case } from '../../requests/cycle-parts.ts'
import type { RequestState } from '../../requests/derive.ts'
import { waitReasons } from '../../requests/wait-reasons.ts'
import { isoOf } from '../iso.ts'

/** What a daemon with this configuration does next about one request. */
export type NextStep = {
  readonly action: 'offer' | 'wait' | 'held' | 'nothing'
  /** Why it waits, as in the log. */
  readonly code: string | null
  /** When the exit may be offered again, where that is known. */
  readonly at: string | null
  readonly text: string
}

/** How the daemon goes about it. */
export type Plan = {
  /** JOB_INTERVAL */
  readonly intervalMs: number
  /** FINALITY_EVENTS */
  readonly finalityEvents: boolean
  readonly dryRun: boolean
  /** HOLD_FILE exists. */
  readonly held: boolean
  readonly mode: 'message' | 'webhook'
  /** Whether messages could be read here. */
  readonly areMessagesKnown: boolean
  /** What a daemon has sent is known: it keeps a journal, and that was read. */
  readonly isSentKnown: boolean
  /** Unix ms; `undefined` where nothing was accepted yet. */
  readonly nextOfferAt: (validator: ValidatorIndex) => number | undefined
}

export function nextStep({ request, state, next }: Case, plan: Plan): NextStep {
  if (next.kind === 'nothing') return step('nothing', nothingToDo[state] ?? 'nothing')
  if (next.kind === 'offer') return offerStep(state, plan)
  if (next.code === 'messages-loading' && !plan.areMessagesKnown) {
    return step('wait', 'Not known: the messages could not be read. With one, the exit is offered.')
  }
  const { long } = waitReasons[next.code]
  const detail = next.detail === undefined ? '' : ` (${next.detail})`
  if (next.code !== 'accepted') {
    return { action: 'wait', code: next.code, at: null, text: `${long}${detail}` }
  }
  const at = plan.nextOfferAt(request.validatorIndex)
  return {
    action: 'wait',
    code: next.code,
    at: at === undefined ? null : isoOf(at),
    text: 'The exit was accepted, and the registry does not show it yet. While that is so, it is offered again',
  }
}

const nothingToDo: Partial<Record<RequestState, string>> = {
  seen: 'Nothing is sent: the request is not judged yet. That is done at every cycle.',
  unproven:
    'Nothing is sent: the request is not proven. It is judged again, at every cycle or hourly.',
  exiting:
    'Nothing to send: every node that answered shows it exiting. It is over once the finalized state shows it too.',
  settled: 'Nothing: the exit is in the finalized state.',
  lapsed: 'Nothing: the validator has left. No offer of this daemon is known.',
}

function offerStep(state: RequestState, plan: Plan): NextStep {
  if (plan.held) {
    return step('held', 'Nothing is sent while HOLD_FILE exists. Remove that file to let it go on.')
  }
  if (plan.dryRun) {
    return step(
      'held',
      'Nothing is sent with DRY_RUN=true: the daemon only says what it would send.',
    )
  }
  const what = plan.mode === 'webhook' ? 'The webhook is called' : 'The exit is offered'
  const again = state === 'submitted' ? ' again' : ''
  const every = describeInterval(plan.intervalMs)
  const sooner = plan.finalityEvents ? ', or as soon as the chain finalizes' : ''
  const perhaps = plan.isSentKnown ? '' : ' A daemon that runs may have done so already.'
  const text = `${what}${again} at the next cycle of the daemon: every ${every}${sooner}.${perhaps}`
  return step('offer', text)
}

const step = (action: NextStep['action'], text: string): NextStep => ({
  action,
  code: null,
  at: null,
  text,
})

/** `6 min 24 s`, `30 s`. */
function describeInterval(milliseconds: number): string {
  const all = Math.max(1, Math.round(milliseconds / 1_000))
  const [minutes, seconds] = [Math.floor(all / 60), all % 60]
  const parts = [
    ...(minutes > 0 ? [`${minutes} min`] : []),
    ...(seconds > 0 ? [`${seconds} s`] : []),
  ]
  return parts.join(' ')
}
