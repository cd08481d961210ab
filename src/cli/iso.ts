/** The last millisecond that a `Date` can name (ECMAScript, "Time Values and Time Range"). */
export const LAST_MS = 8_640_000_000_000_000

/** @param milliseconds - unix; what no date can say becomes the last one */
export const isoOf = (milliseconds: number): string =>
  new Date(Math.max(-LAST_MS, Math.min(LAST_MS, milliseconds))).toISOString()
