import { messageOf } from '../lib/message-of.ts'
import type { Bytes32 } from '../lib/primitives.ts'
import type { EarlierReading } from '../requests/cycle-parts.ts'
import type { Cursor } from '../requests/facts.ts'
import { type Coverage, coversModule } from '../requests/scope.ts'
import type { BlockHead, ExecutionNode } from './execution-node.ts'

type Finding = 'same' | 'other' | 'behind' | 'unknown'

/**
 * Whether the cursor that an earlier process left is of the chain that the nodes are on. Each node
 * is asked once; where its finalized block is the cursor's, that costs no call.
 *
 * @param alarm - told of a node that has another block there
 * @param warn - told of a node that is not there yet
 */
export type CursorCheck = ReturnType<typeof createCursorCheck>

export function createCursorCheck(
  alarm: (problem: string) => void,
  warn: (problem: string) => void,
) {
  const findings = new Map<string, Finding>()
  const hashes = createHeadHashes()
  let isFirst = true
  let earlier: Cursor | undefined

  /** No node that was asked has that block: the cursor says nothing about these nodes' chain. */
  const isDisowned = () =>
    findings.size > 0 &&
    [...findings.values()].every((finding) => finding === 'other' || finding === 'behind')

  async function find(
    node: ExecutionNode,
    head: BlockHead,
    { block, hash }: Pick<Cursor, 'block' | 'hash'>,
    signal: AbortSignal,
  ): Promise<Finding> {
    if (head.number < block) return 'behind'
    if (hash === undefined) return 'unknown'
    const found = head.number === block ? head.hash : await node.blockHash(block, signal)
    if (found === undefined) return 'unknown'
    return found === hash ? 'same' : 'other'
  }

  return {
    /** Never rejects, except for the signal. @param cursor - as the journal held it at the start */
    async look(
      node: ExecutionNode,
      host: string,
      head: BlockHead,
      known: EarlierReading,
      signal: AbortSignal,
    ): Promise<void> {
      hashes.note(head)
      if (isFirst) earlier = cursorOf(known)
      isFirst = false
      if (earlier === undefined || findings.has(host)) return
      findings.set(host, 'unknown')
      try {
        findings.set(host, await find(node, head, earlier, signal))
      } catch (error) {
        signal.throwIfAborted()
        warn(`${host}: the block that was read last is not compared: ${messageOf(error)}`)
      }
      const { block } = earlier
      if (findings.get(host) === 'other') {
        alarm(
          `${host} has another block ${block} than the one up to which was read: another chain, a chain that began anew, or a node that lies. The blocks before it are read again`,
        )
      }
      if (findings.get(host) === 'behind') {
        warn(
          `${host}: its finalized block ${head.number} is before ${block}, up to which was read: reading goes on from there`,
        )
      }
    },
    /** It has another block where was read before: what came before that may differ, too. */
    isElsewhere: (host: string) => findings.get(host) === 'other',
    /** What this node gave before is not of its chain after all. */
    disown: (host: string) => void findings.set(host, 'other'),
    isDisowned,
    /**
     * The cursor never goes back, since a node that is far behind would make it; except where no node
     * has the block that an earlier process read last, or where that read for less than is asked for now.
     *
     * @param reached - the block up to which was read by now
     * @param coverage - what was read up to there
     */
    cursorAfter(
      known: EarlierReading,
      reached: number | undefined,
      coverage: Coverage | undefined,
    ): Cursor | undefined {
      const { cursor, cursorHash } = known
      const keeps = cursor !== undefined && !isDisowned() && doesCover(known.coverage, coverage)
      if (keeps && cursor > (reached ?? -1)) {
        return { block: cursor, hash: cursorHash, coverage: coverage ?? known.coverage }
      }
      if (reached === undefined) return undefined
      const told = hashes.hashOf(reached)
      const hash = told ?? (reached === cursor ? cursorHash : undefined)
      return { block: reached, hash, coverage }
    },
  }
}

const cursorOf = ({ cursor, cursorHash, coverage }: EarlierReading): Cursor | undefined =>
  cursor === undefined ? undefined : { block: cursor, hash: cursorHash, coverage }

const doesCover = (before: Coverage | undefined, asked: Coverage | undefined): boolean =>
  asked === undefined ||
  (before !== undefined &&
    before.from <= asked.from &&
    [...asked.scope.keys()].every((moduleId) => coversModule(before, asked.scope, moduleId)))

/** Hashes that are remembered: the cursor is seldom far behind the newest finalized block. */
const MOST_HEADS = 256

/** Hashes of finalized blocks, as nodes told them. */
function createHeadHashes() {
  const hashes = new Map<number, Bytes32 | undefined>()
  return {
    note({ number, hash }: BlockHead): void {
      const before = hashes.get(number)
      // Two nodes that contradict each other: neither is believed.
      hashes.set(number, hashes.has(number) && before !== hash ? undefined : hash)
      const [oldest] = hashes.keys()
      if (hashes.size > MOST_HEADS && oldest !== undefined) hashes.delete(oldest)
    },
    hashOf: (block: number) => hashes.get(block),
  }
}
