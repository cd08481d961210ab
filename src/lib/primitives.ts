declare const brand: unique symbol
/** A structural type that only one place may make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Bytes as lowercase 0x-hex. */
export type Hex = `0x${string}`
/** 20 bytes, lowercase 0x-hex (never checksummed, so that `===` compares). */
export type Address = Brand<Hex, 'Address'>
/** 32 bytes, lowercase 0x-hex. */
export type Bytes32 = Brand<Hex, 'Bytes32'>
/** BLS12-381 public key: 48 bytes, lowercase 0x-hex. */
export type Pubkey = Brand<Hex, 'Pubkey'>
/** BLS12-381 signature: 96 bytes, lowercase 0x-hex. A secret here: it exits a validator. */
export type Signature = Brand<Hex, 'Signature'>
/** Position in the beacon chain registry. Decimal string on the wire. */
export type ValidatorIndex = Brand<number, 'ValidatorIndex'>
/** Consensus epoch. A bigint, since "never" is 2^64 - 1 (`FAR_FUTURE_EPOCH`). */
export type Epoch = Brand<bigint, 'Epoch'>
/** Consensus slot. */
export type Slot = Brand<bigint, 'Slot'>
/** Lido staking module id (uint24 in reports). */
export type ModuleId = Brand<number, 'ModuleId'>
/** Node operator id within a staking module (uint40 in reports). */
export type OperatorId = Brand<number, 'OperatorId'>

/** Spec: phase0 `FAR_FUTURE_EPOCH`, "never". */
export const FAR_FUTURE_EPOCH = (2n ** 64n - 1n) as Epoch

const hexOf = (bytes: number) => new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)
const ADDRESS = hexOf(20)
const BYTES_32 = hexOf(32)
const PUBKEY = hexOf(48)
const SIGNATURE = hexOf(96)

/** Lowercases 0x-hex of the right length in any letter case; `undefined` for anything else. */
const parseHex =
  <T extends Hex>(pattern: RegExp) =>
  (value: unknown): T | undefined => {
    if (typeof value !== 'string') return undefined
    const lower = value.toLowerCase()
    return pattern.test(lower) ? (lower as T) : undefined
  }

export const parseAddress = parseHex<Address>(ADDRESS)
export const parseBytes32 = parseHex<Bytes32>(BYTES_32)
export const parsePubkey = parseHex<Pubkey>(PUBKEY)
export const parseSignature = parseHex<Signature>(SIGNATURE)

const UINT64_MAX = 2n ** 64n - 1n
const FAR_FUTURE_TEXT = `${UINT64_MAX}`

/** A uint64 as JSON gives it: a decimal string, or a number that lost nothing on the way. */
export function parseUint64(value: unknown): bigint | undefined {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined
  }
  // "Never" stands twice in every validator: one value for all takes no memory.
  if (value === FAR_FUTURE_TEXT) return UINT64_MAX
  if (typeof value !== 'string' || !/^[0-9]{1,20}$/.test(value)) return undefined
  const parsed = BigInt(value)
  return parsed <= UINT64_MAX ? parsed : undefined
}

/** 2^64 - 1 as a number becomes 2^64 in `JSON.parse`: of a node's answer it is what it was. */
export const toldUint64 = (value: unknown): bigint | undefined =>
  value === 2 ** 64 ? UINT64_MAX : parseUint64(value)

export const parseEpoch = (value: unknown): Epoch | undefined =>
  parseUint64(value) as Epoch | undefined

/** Indices beyond 2^53 cannot exist: the registry would not fit on any disk. */
export function parseValidatorIndex(value: unknown): ValidatorIndex | undefined {
  const parsed = parseUint64(value)
  return parsed !== undefined && parsed <= BigInt(Number.MAX_SAFE_INTEGER)
    ? (Number(parsed) as ValidatorIndex)
    : undefined
}
