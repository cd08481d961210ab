import { type BlockRange, blocksIn, doOverlap, union, without, withoutAll } from './block-ranges.ts'

/** A range that a node did not give. */
export type FailedRange = BlockRange & {
  readonly reason: string
  /** The node answered, and said no to each block of it; otherwise there was no answer. */
  readonly refused: boolean
}

type Part = FailedRange & {
  readonly tries: number
  /** Of the first failure, unix ms. */
  readonly since: number
  /** Unix ms. */
  readonly dueAt: number
}

/** When a node does not answer for so few blocks, their number is not the reason. */
export const FEW_BLOCKS = 100
/** What brought no answer so often is told; so is at once what was refused. */
const TRIES_UNTIL_TOLD = 3
const HOUR_MS = 60 * 60 * 1_000
/** Parts that are told apart; of more the two oldest become one. */
const MOST_PARTS = 64

/** The blocks that one node has still to give for one module. */
export type UnreadRanges = ReturnType<typeof createUnreadBlocks>

export function createUnreadBlocks(now: () => number) {
  /** Not tried yet; lowest first. */
  let fresh: readonly BlockRange[] = []
  /** Tried in vain; lowest first. */
  let failed: readonly Part[] = []

  const isTold = ({ refused, tries }: Part) => refused || tries >= TRIES_UNTIL_TOLD
  // A time more than an hour ahead was set by a clock that has been set back since.
  const isDue = ({ dueAt }: Part) => now() >= dueAt || dueAt - now() > HOUR_MS
  /** What failed least often first, then the newest. */
  const inTurn = () => failed.toSorted((a, b) => a.tries - b.tries || b.toBlock - a.toBlock)

  return {
    add(range: BlockRange): void {
      fresh = union([...fresh, ...withoutAll([range], failed)])
    },
    /** What is to be asked for now: the newest first, what failed before behind the rest. */
    due: (): readonly BlockRange[] => [...fresh.toReversed(), ...inTurn().filter(isDue)],
    read(range: BlockRange): void {
      fresh = withoutAll(fresh, [range])
      failed = withoutAll(failed, [range])
    },
    /** The node answers again after a while without: what it left unanswered is due at once. */
    retryUnanswered(): void {
      failed = failed.map((part) => (part.refused ? part : { ...part, dueAt: 0 }))
    },
    fail({ fromBlock, toBlock, reason, refused }: FailedRange): void {
      const range = { fromBlock, toBlock }
      const before = failed.filter((part) => doOverlap(part, range))
      const canBeHalved = !refused && blocksIn([range]) > FEW_BLOCKS
      const tries = canBeHalved ? 1 : Math.max(0, ...before.map((part) => part.tries)) + 1
      const since = canBeHalved ? now() : Math.min(now(), ...before.map((part) => part.since))
      const middle = Math.floor((fromBlock + toBlock) / 2)
      const upper = { fromBlock: middle + 1, toBlock }
      const added = canBeHalved ? [...without(range, upper), upper] : [range]
      // At first in the next cycle, then after as long as it has failed, at last hourly.
      const dueAt = now() + Math.min(now() - since, HOUR_MS)
      fresh = withoutAll(fresh, [range])
      failed = bounded([
        ...withoutAll(failed, [range]),
        ...added.map((one) => ({ ...one, reason, refused, tries, since, dueAt })),
      ])
    },
    /** What failed and is older than the look-back is of no interest any more. */
    forgetBelow(block: number): void {
      failed = withoutAll(failed, [{ fromBlock: 0, toBlock: block - 1 }])
    },
    has: (block: number): boolean =>
      [...fresh, ...failed].some((one) => doOverlap(one, { fromBlock: block, toBlock: block })),
    /** What was asked for in vain, part by part, in the order in which `due` names them. */
    tried: () => inTurn().map((part) => ({ ...part, isTold: isTold(part), isDue: isDue(part) })),
    /** What this node cannot give. */
    told: (): readonly FailedRange[] => failed.filter(isTold),
    /** What it may give yet; lowest first. */
    pending: (): readonly BlockRange[] =>
      union([...fresh, ...failed.filter((part) => !isTold(part))]),
  }
}

function bounded(parts: readonly Part[]): readonly Part[] {
  const sorted = parts.toSorted((a, b) => a.fromBlock - b.fromBlock)
  const [first, second, ...rest] = sorted
  if (sorted.length <= MOST_PARTS || first === undefined || second === undefined) return sorted
  return bounded([{ ...second, fromBlock: first.fromBlock }, ...rest])
}
