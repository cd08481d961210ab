import type { Hex, Pubkey } from '../lib/primitives.ts'
import type { ExitRequest } from '../requests/exit-request.ts'

/** Which validators a report names. Decoded once, asked many times. */
export type ReportRecords = {
  readonly count: number
  /** Position of the first record that does not ascend; the contract would have refused it. */
  readonly disorderAt: number | undefined
  /** As they were submitted. */
  readonly data: Hex
  readonly dataFormat: bigint
  /** Module, operator, validator index and public key of each record, as hex, and its first place. */
  readonly exact: ReadonlyMap<string, number>
  /** Public key → module, operator and validator index of the first record that has it. */
  readonly byPubkey: ReadonlyMap<string, string>
}

export type RecordsReading =
  | { readonly ok: true; readonly records: ReportRecords }
  | { readonly ok: false; readonly fault: 'data-format' | 'data-length'; readonly why: string }

/** Bytes: `moduleId(3) nodeOperatorId(5) validatorIndex(8)`, big-endian. */
const NAMED_BYTES = 3 + 5 + 8
const PUBKEY_BYTES = 48
/** Bytes between the names and the public key, by data format. Format 2 has `keyIndex(8)`. */
const GAP_BYTES: ReadonlyMap<bigint, number> = new Map([
  [1n, 0],
  [2n, 8],
])

/** Two hex digits a byte. */
const digits = (bytes: number) => bytes * 2

/**
 * Cuts a report's `data` into records.
 *
 * @param data - lowercase 0x-hex
 * @see https://github.com/lidofinance/core (ValidatorsExitBus.sol, DATA_FORMAT_LIST)
 */
export function decodeRecords(data: Hex, format: bigint): RecordsReading {
  const gap = GAP_BYTES.get(format)
  if (gap === undefined) return { ok: false, fault: 'data-format', why: `data format ${format}` }
  const step = digits(NAMED_BYTES + gap + PUBKEY_BYTES)
  const text = data.slice(2)
  if (text.length % step !== 0) {
    const why = `${text.length / 2} bytes, not a multiple of ${step / 2}`
    return { ok: false, fault: 'data-length', why }
  }
  const exact = new Map<string, number>()
  const byPubkey = new Map<string, string>()
  let disorderAt: number | undefined
  let before = ''
  for (let at = 0; at < text.length; at += step) {
    const order = text.slice(at, at + step - digits(PUBKEY_BYTES))
    const named = order.slice(0, digits(NAMED_BYTES))
    const pubkey = text.slice(at + order.length, at + step)
    if (!exact.has(named + pubkey)) exact.set(named + pubkey, at / step)
    if (!byPubkey.has(pubkey)) byPubkey.set(pubkey, named)
    if (at > 0 && order <= before) disorderAt ??= at / step
    before = order
  }
  const count = text.length / step
  return { ok: true, records: { count, data, dataFormat: format, disorderAt, exact, byPubkey } }
}

type Named = Pick<ExitRequest, 'moduleId' | 'operatorId' | 'validatorIndex' | 'pubkey'>

/** All four fields equal, in one record. */
export const hasRecord = (records: ReportRecords, request: Named): boolean =>
  placeOf(records, request) !== undefined

/** Which record that is, counted from 0. */
export const placeOf = (records: ReportRecords, request: Named): number | undefined =>
  records.exact.get(
    hex(request.moduleId, 3) +
      hex(request.operatorId, 5) +
      hex(request.validatorIndex, 8) +
      request.pubkey.slice(2),
  )

/** A number too big for its field makes a longer text, which no record has. */
const hex = (value: number, bytes: number) => value.toString(16).padStart(digits(bytes), '0')

/** What the report says of a public key, for people; `undefined` when it names it nowhere. */
export function describeRecord(records: ReportRecords, pubkey: Pubkey): string | undefined {
  const named = records.byPubkey.get(pubkey.slice(2))
  if (named === undefined) return undefined
  const field = (from: number, to: number) => BigInt(`0x${named.slice(digits(from), digits(to))}`)
  return describeNames(field(0, 3), field(3, 8), field(8, NAMED_BYTES))
}

export const describeNames = (
  moduleId: number | bigint,
  operatorId: number | bigint,
  validatorIndex: number | bigint,
) => `module ${moduleId}, operator ${operatorId}, validator ${validatorIndex}`
