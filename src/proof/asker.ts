import pLimit from 'p-limit'
import { messageOf } from '../lib/message-of.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { type Answer, addAnswer, type Evidence, type Fault } from './evidence.ts'
import type { LookUp } from './look-up.ts'
import type { Question } from './questions.ts'

export type AskerParts = {
  readonly log: Log
  readonly now: () => number
  readonly ask: (lookUp: LookUp, node: string, signal: AbortSignal) => Promise<readonly Answer[]>
}

/** The questions of one cycle. */
export type Asking = {
  /** Puts each question to its node, in this order, and adds what comes back. */
  askAll(questions: readonly Question[], evidence: Evidence, signal: AbortSignal): Promise<void>
  /** Look-ups to which no node gave any answer, a sentence each. */
  problems(): readonly string[]
}

/** Questions under way at once at one node. */
const QUESTIONS_AT_ONCE = 8
/** Failures in a row after which a node is asked nothing more in this cycle: all at once are lost. */
const GIVE_UP_AFTER = QUESTIONS_AT_ONCE
/** How long one node may keep a cycle waiting, over all its questions. */
const PATIENCE_MS = 60_000
/** A fault that stays is said again this often. */
const SAY_AGAIN_MS = 60 * 60 * 1_000

/** What a node has pruned is no fault of it, and stays away: other questions need its answers. */
const isFault = (answer: Answer): answer is Extract<Answer, { readonly ok: false }> =>
  !answer.ok && answer.isGap !== true

const NOT_ASKED: Answer = { ok: false, why: 'not asked: its answers fail or take too long' }

/** Where it is not the node that is to blame. */
const FAULT_TEXTS: Readonly<Partial<Record<Fault['fault'], string>>> = {
  'receipts-differ':
    'a node gave receipts that are not those of the block: it is broken or lies, use another one',
  'unsupported-type':
    'a transaction is of a type that this daemon does not know: update the daemon, or look for a node that lies',
}

type NodeState = {
  readonly limit: ReturnType<typeof pLimit>
  failedInARow: number
  underWay: number
  since: number
  waitedMs: number
}

/**
 * Asks nodes so that none of them holds the others up: each has its own places, and one that hangs
 * or is slow is asked nothing more in the cycle, whatever there is to ask.
 */
export function createAsker({ log, now, ask }: AskerParts): () => Asking {
  const said = new Map<string, number>()

  function tell(node: string, lookUp: LookUp, { fault, why }: Fault): void {
    for (const [text, at] of said) if (now() - at >= SAY_AGAIN_MS) said.delete(text)
    const text = `${node} ${lookUp.id} ${fault}`
    if (said.has(text)) return
    said.set(text, now())
    const details = { node, asked: lookUp.id, fault, why }
    log.error(
      FAULT_TEXTS[fault] ?? 'a node gave a transaction that is not the one asked for',
      details,
    )
  }

  return function startAsking() {
    const nodes = new Map<string, NodeState>()
    const answered = new Set<string>()
    const failures = new Map<string, string>()

    async function askOne(
      { lookUp, node }: Question,
      signal: AbortSignal,
    ): Promise<readonly Answer[]> {
      const state = stateOf(nodes, node)
      if (isGivenUp(state)) return [NOT_ASKED]
      if (state.underWay === 0) state.since = performance.now()
      state.underWay += 1
      const answers = await ask(lookUp, node, signal)
      state.underWay -= 1
      if (state.underWay === 0) state.waitedMs += performance.now() - state.since
      state.failedInARow = answers.some(isFault) ? state.failedInARow + 1 : 0
      return answers
    }

    /** @returns whether the node said something that could be taken in */
    function take(answer: Answer, { lookUp, node }: Question, evidence: Evidence): boolean {
      if (isFault(answer)) failures.set(lookUp.id, `${node}: ${answer.why}`)
      try {
        const fault = addAnswer(evidence, lookUp, node, answer)
        if (fault !== undefined) tell(node, lookUp, fault)
        return answer.ok
      } catch (error) {
        // What nobody thought of must not cost the answers to other questions.
        const why = `cannot take its answer in: ${messageOf(error)}`
        failures.set(lookUp.id, `${node}: ${why}`)
        addAnswer(evidence, lookUp, node, { ok: false, why })
        return false
      }
    }

    return {
      async askAll(questions, evidence, signal) {
        const asked = questions.map((question) =>
          stateOf(nodes, question.node).limit(async () => {
            signal.throwIfAborted()
            const { lookUp } = question
            const answers = await askOne(question, signal)
            const taken = answers.map((answer) => take(answer, question, evidence))
            if (taken.every((wasTaken) => wasTaken)) answered.add(lookUp.id)
          }),
        )
        await Promise.all(asked)
      },
      problems: () => [
        ...new Set([...failures].flatMap(([id, why]) => (answered.has(id) ? [] : [why]))),
      ],
    }
  }
}

function stateOf(nodes: Map<string, NodeState>, node: string): NodeState {
  const state = nodes.get(node) ?? {
    limit: pLimit(QUESTIONS_AT_ONCE),
    failedInARow: 0,
    underWay: 0,
    since: 0,
    waitedMs: 0,
  }
  nodes.set(node, state)
  return state
}

function isGivenUp({ failedInARow, underWay, since, waitedMs }: NodeState): boolean {
  const waiting = underWay === 0 ? 0 : performance.now() - since
  return failedInARow >= GIVE_UP_AFTER || waitedMs + waiting >= PATIENCE_MS
}
