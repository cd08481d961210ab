import type { ChainInfo } from '../../consensus/chain-info.ts'

/** The last millisecond that a `Date` can name (ECMAScript, "Time Values and Time Range"). */
const LAST_MS = 8_640_000_000_000_000

/** When slots and epochs begin, ISO 8601; `undefined` beyond what a date can say. */
export type ChainTimes = {
  ofSlot(slot: bigint): string | undefined
  ofEpoch(epoch: bigint): string | undefined
}

export function chainTimes({ genesisTime, slotsPerEpoch, secondsPerSlot }: ChainInfo): ChainTimes {
  function ofSlot(slot: bigint): string | undefined {
    const milliseconds = (genesisTime + Number(slot * secondsPerSlot)) * 1_000
    return milliseconds > LAST_MS ? undefined : new Date(milliseconds).toISOString()
  }
  return { ofSlot, ofEpoch: (epoch) => ofSlot(epoch * slotsPerEpoch) }
}
