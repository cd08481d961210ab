import type { ExitRequest } from './exit-request.ts'

const HOUR_S = 60 * 60

/** Seconds after the request. Lido's node operator protocol for validator exits. */
export const DELINQUENT_AFTER_S = 96 * HOUR_S

/**
 * Seconds until the request counts as delinquent; negative when it does.
 *
 * @param now - unix ms
 */
export const timeLeft = (request: ExitRequest, now: number): number =>
  request.timestamp + DELINQUENT_AFTER_S - Math.floor(now / 1_000)

/** `3 d 4 h`, `5 h 10 min`, `7 min`; `overdue by …` for a negative one. */
export function describeTimeLeft(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60)
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24]
  const text =
    days > 0
      ? `${days} d ${hours} h`
      : hours > 0
        ? `${hours} h ${minutes % 60} min`
        : `${minutes} min`
  return seconds < 0 ? `overdue by ${text}` : text
}
