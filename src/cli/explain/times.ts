import type { ChainInfo } from '../../sources/chain-info.ts'

/** When slots and epochs begin, ISO 8601; `undefined` beyond what a date can say. */
export type ChainTimes = {
  ofSlot(slot: bigint): string | undefined
  ofEpoch(epoch: bigint): string | undefined
}

/** The last millisecond that a `Date` can name (ECMAScript, "Time Values and Time Range"). */
const LAST_MS = 8_640_000_000_000_000

export function chainTimes({ genesisTime, slotsPerEpoch, secondsPerSlot }: ChainInfo): ChainTimes {
  function ofSlot(slot: bigint): string | undefined {
    const milliseconds = (genesisTime + Number(slot * secondsPerSlot)) * 1_000
    return milliseconds > LAST_MS ? undefined : isoOf(milliseconds)
  }
  return { ofSlot, ofEpoch: (epoch) => ofSlot(epoch * slotsPerEpoch) }
}

/** @param milliseconds - unix; what no date can say becomes the last one */
export const isoOf = (milliseconds: number): string =>
  new Date(Math.max(-LAST_MS, Math.min(LAST_MS, milliseconds))).toISOString()
