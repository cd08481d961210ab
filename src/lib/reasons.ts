/**
 * Why something did not happen, as data: one list feeds the log, the metrics and the README.
 * The lists themselves stand beside what decides on them (`message-reasons`, `proof-reasons`,
 * `wait-reasons`).
 */
export type Reason<Code extends string = string> = {
  /** Stable, kebab-case: used in logs and documentation. */
  readonly code: Code
  /** A few words for a log line. */
  readonly short: string
  /** What it means and what the operator can do about it, one or two sentences. */
  readonly long: string
}

/** Keeps the codes of a list as a literal type, so that a typo does not compile. */
export const reasonList = <const Code extends string>(reasons: readonly Reason<Code>[]) =>
  Object.fromEntries(reasons.map((reason) => [reason.code, reason])) as Readonly<
    Record<Code, Reason<Code>>
  >
