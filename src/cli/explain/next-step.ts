import type { RequestView } from '../../requests/rendering.ts'

/** What a daemon with this configuration does next about one request. */
export type NextStep = {
  readonly action: 'offer' | 'wait' | 'held' | 'nothing'
  /** Why it waits, as in the log. */
  readonly code: string | null
  /** When the exit may be submitted again, where that is known. */
  readonly at: string | null
  readonly text: string
}

/** How the daemon goes about it. */
export type Plan = {
  /** JOB_INTERVAL */
  readonly intervalMs: number
  /** FINALITY_EVENTS */
  readonly finalityEvents: boolean
  readonly mode: 'message' | 'webhook'
  /** Whether messages could be read here. */
  readonly areMessagesKnown: boolean
  /** What a daemon has submitted is known: it keeps a journal, and that was read. */
  readonly isSentKnown: boolean
  /** From when an accepted exit may be submitted again; `null` where nothing was accepted yet. */
  readonly againAt: string | null
}

/** @param isInScope - EJECTOR_SCOPE names the operator that was asked */
export function nextStep(view: RequestView, isInScope: boolean, plan: Plan): NextStep {
  const { state, outcome, reason, remedy, detail, notBefore, module, operator, validator } = view
  const step = (action: NextStep['action'], text: string, more: Partial<NextStep> = {}) => ({
    action,
    code: null,
    at: null,
    text,
    ...more,
  })
  if (state in NOTHING_TO_DO) return step('nothing', `${NOTHING_TO_DO[state]}`)
  if (!isInScope) {
    const text = `Nothing is submitted: EJECTOR_SCOPE does not name operator ${operator} of module ${module}. If that is yours, add it.`
    return step('nothing', text, { code: 'not-in-scope' })
  }
  if (reason === 'held' || reason === 'dry-run') return step('held', `${remedy}`)
  if (outcome === 'ready') return step('offer', readyText(state, plan))
  if (reason === 'messages-loading' && !plan.areMessagesKnown) {
    const text = 'Not known: the messages could not be read. With one, the exit is submitted.'
    return step('wait', text)
  }
  if (reason === 'accepted') {
    const text =
      'The exit was accepted, and the registry does not show it yet. While that is so, it is submitted again'
    return step('wait', text, { code: reason, at: plan.againAt })
  }
  if (reason === 'rate-limited') {
    const text =
      'MAX_EXITS_PER_HOUR is reached. Unless more urgent ones wait too, the exit is submitted'
    return step('wait', text, { code: reason, at: notBefore })
  }
  const lost =
    outcome === 'missing' ? ` If its key is lost: validator-ejector trigger ${validator}` : ''
  const text = `${remedy}${detail === null ? '' : ` (${detail})`}${lost}`
  return step('wait', text, { code: reason })
}

const NOTHING_TO_DO: Readonly<Record<string, string>> = {
  seen: 'Nothing is submitted: the request is not judged yet. That is done at every cycle.',
  unproven:
    'Nothing is submitted: the request is not proven. It is judged again, at every cycle or hourly.',
  exiting:
    'Nothing to submit: every node that answered shows it exiting. It is over once the finalized state shows it too.',
  settled: 'Nothing: the exit is in the finalized state.',
  lapsed: 'Nothing: the validator has exited. This daemon knows of no submission of its own.',
}

function readyText(state: RequestView['state'], plan: Plan): string {
  const what = plan.mode === 'webhook' ? 'The webhook is called' : 'The exit is submitted'
  const again = state === 'submitted' ? ' again' : ''
  const sooner = plan.finalityEvents ? ', or as soon as the chain finalizes' : ''
  const perhaps = plan.isSentKnown ? '' : ' A daemon that runs may have done so already.'
  const every = describeInterval(plan.intervalMs)
  return `${what}${again} at the next cycle of the daemon: every ${every}${sooner}.${perhaps}`
}

/** `6 min 24 s`, `30 s`. */
function describeInterval(milliseconds: number): string {
  const all = Math.max(1, Math.round(milliseconds / 1_000))
  const [minutes, seconds] = [Math.floor(all / 60), all % 60]
  const parts = [minutes > 0 ? `${minutes} min` : '', seconds > 0 ? `${seconds} s` : '']
  return parts.filter((part) => part !== '').join(' ')
}
