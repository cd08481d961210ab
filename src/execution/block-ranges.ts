/** Blocks, the first and the last included. */
export type BlockRange = { readonly fromBlock: number; readonly toBlock: number }

export const blocksIn = (ranges: readonly BlockRange[]): number =>
  ranges.reduce((sum, { fromBlock, toBlock }) => sum + toBlock - fromBlock + 1, 0)

export const doOverlap = (a: BlockRange, b: BlockRange): boolean =>
  a.fromBlock <= b.toBlock && b.fromBlock <= a.toBlock

/** What is left of a range without another one: nothing, itself, or one or two pieces of it. */
export function without<Range extends BlockRange>(
  range: Range,
  taken: BlockRange,
): readonly Range[] {
  if (!doOverlap(range, taken)) return [range]
  return [
    { ...range, toBlock: taken.fromBlock - 1 },
    { ...range, fromBlock: taken.toBlock + 1 },
  ].filter(({ fromBlock, toBlock }) => fromBlock <= toBlock)
}

/** The same for many. */
export const withoutAll = <Range extends BlockRange>(
  ranges: readonly Range[],
  taken: readonly BlockRange[],
): readonly Range[] =>
  taken.reduce((rest, one) => rest.flatMap((range) => without(range, one)), ranges)

/** What of these lies within a range. */
export const within = <Range extends BlockRange>(
  ranges: readonly Range[],
  limits: BlockRange,
): readonly Range[] =>
  ranges
    .filter((range) => doOverlap(range, limits))
    .map((range) => ({
      ...range,
      fromBlock: Math.max(range.fromBlock, limits.fromBlock),
      toBlock: Math.min(range.toBlock, limits.toBlock),
    }))

/** Lowest first; what overlaps or touches becomes one. */
export function union(ranges: readonly BlockRange[]): readonly BlockRange[] {
  const joined: BlockRange[] = []
  for (const { fromBlock, toBlock } of ranges.toSorted((a, b) => a.fromBlock - b.fromBlock)) {
    const last = joined.at(-1)
    if (last === undefined || fromBlock > last.toBlock + 1) joined.push({ fromBlock, toBlock })
    else joined[joined.length - 1] = { ...last, toBlock: Math.max(last.toBlock, toBlock) }
  }
  return joined
}
