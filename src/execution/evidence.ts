import { withDeadline } from '../lib/deadline.ts'
import type { Endpoints } from '../lib/endpoints.ts'
import { NoAnswerError } from '../lib/http.ts'
import { messageOf } from '../lib/message-of.ts'
import type { Answer } from '../proof/evidence.ts'
import type { BlockLookUp, LogsLookUp, LookUp } from '../proof/look-up.ts'
import { type BlockRange, within, withoutAll } from './block-ranges.ts'
import type { ExecutionNode } from './execution-node.ts'
import type { LogReader } from './logs.ts'
import { readReceipts } from './receipts.ts'
import { RpcError } from './rpc-errors.ts'
import { createUnreadBlocks, type FailedRange, type UnreadRanges } from './unread-blocks.ts'

/** Takes a question of the proof to one node. Logs may come as a part and a failure. */
export type EvidenceReader = (
  lookUp: Exclude<LookUp, BlockLookUp>,
  host: string,
  signal: AbortSignal,
) => Promise<readonly Answer[]>

/** Milliseconds for one question, however many calls it takes: another node may answer it. */
const QUESTION_MS = 20_000

/** @param now - unix ms */
export function createEvidenceReader(
  nodes: Endpoints<ExecutionNode>,
  readLogs: LogReader,
  now: () => number,
): EvidenceReader {
  const readVotes = createVotesReader(readLogs, now)

  return async function readEvidence(lookUp, host, signal) {
    const found: Found = { logs: [], gap: undefined }
    try {
      const result = await withDeadline(QUESTION_MS, signal, (limited) =>
        nodes.only(
          host,
          async (node, deadline) => {
            if (lookUp.kind === 'transaction') return node.transaction(lookUp.hash, deadline)
            if (lookUp.kind === 'receipts') return readReceipts(node, lookUp, deadline)
            await readVotes(lookUp, node, found, deadline)
            return found.logs
          },
          limited,
        ),
      )
      const whole: Answer = { ok: true, result }
      return found.gap === undefined ? [whole] : [whole, { ok: false, why: found.gap, isGap: true }]
    } catch (error) {
      signal.throwIfAborted()
      const failure: Answer = {
        ok: false,
        why: messageOf(error),
      }
      return found.logs.length === 0 ? [failure] : [{ ok: true, result: found.logs }, failure]
    }
  }
}

/** What one search has found so far. */
type Found = {
  readonly logs: unknown[]
  /** Why it is not whole although the node answers. */
  gap: string | undefined
}

/** What is known of one node, for one event. */
type Asked = {
  readonly silent: UnreadRanges
  /** Answers that it ever gave. */
  parts: number
  /** False while it answers for nothing at all. */
  answers: boolean
}

/** Questions without an answer in one search, after which the node is asked nothing more. */
const MOST_UNANSWERED = 2
/** Thirty days of blocks: no request is proven so much later. */
const FORGET_BLOCKS = 216_000

/**
 * Searches for votes. Blocks that a node never answers for fail no search for ever: they are found
 * by halving, passed over, and asked for again on their own, more and more rarely.
 */
function createVotesReader(readLogs: LogReader, now: () => number) {
  const askedOf: Readonly<Record<LogsLookUp['event'], WeakMap<ExecutionNode, Asked>>> = {
    ConsensusReached: new WeakMap(),
    ReportReceived: new WeakMap(),
  }

  function askedBefore(event: LogsLookUp['event'], node: ExecutionNode): Asked {
    const known = askedOf[event].get(node)
    if (known !== undefined) return known
    const asked = { silent: createUnreadBlocks(now), parts: 0, answers: true }
    askedOf[event].set(node, asked)
    return asked
  }

  /** @throws NoAnswerError when the node does not answer for blocks that it may still answer for */
  return async function readVotes(
    lookUp: LogsLookUp,
    node: ExecutionNode,
    found: Found,
    signal: AbortSignal,
  ): Promise<void> {
    const asked = askedBefore(lookUp.event, node)
    const { silent, parts } = asked
    silent.forgetBelow(lookUp.fromBlock - FORGET_BLOCKS)
    const wasAway = !asked.answers
    const { ranges, passedOver } = planSearch(lookUp, silent, wasAway)
    found.gap = passedOver[0]?.reason
    let unanswered = 0
    let failure: { readonly error: unknown } | undefined

    for (const range of ranges) {
      let isNews = false
      const onPart = (logs: readonly unknown[], fromBlock: number, toBlock: number) => {
        asked.parts += 1
        // It is there again: all that it was silent about is due at once, for every search.
        if (!asked.answers) silent.retryUnanswered()
        asked.answers = true
        found.logs.push(...logs)
        silent.read({ fromBlock, toBlock })
      }
      const onFailed = (failed: FailedRange) => {
        found.gap = failed.reason
        if (failed.refused) return
        unanswered += 1
        if (asked.parts === parts) asked.answers = false
        silent.fail(failed)
        isNews ||= wasAway || withoutAll([failed], silent.told()).length > 0
      }
      const before = unanswered
      try {
        await readLogs(node, { ...lookUp, ...range }, onPart, signal, onFailed)
      } catch (error) {
        const isOfParts = error instanceof NoAnswerError || error instanceof RpcError
        if (unanswered === before || !isOfParts) throw error
        if (isNews) failure ??= { error }
      }
      if (unanswered >= MOST_UNANSWERED) break
    }
    if (failure !== undefined) throw failure.error
  }
}

/**
 * The newest blocks first; behind them what was silent before, on its own, so that one block never
 * becomes many again, and what was silent least often first. While the node answers for nothing it is
 * all due: that is over at once.
 */
function planSearch({ fromBlock, toBlock }: LogsLookUp, silent: UnreadRanges, isAway: boolean) {
  const all: BlockRange = { fromBlock, toBlock }
  const tried = within(silent.tried(), all)
  const isResting = ({ isTold, isDue }: (typeof tried)[number]) => !isAway && isTold && !isDue
  return {
    ranges: [
      ...withoutAll([all], tried).toReversed(),
      ...tried.filter((part) => !isResting(part)),
    ].map((range) => ({ fromBlock: range.fromBlock, toBlock: range.toBlock })),
    passedOver: tried.filter(isResting),
  }
}
