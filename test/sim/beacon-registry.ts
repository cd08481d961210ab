import { FAR_FUTURE_EPOCH, type Hex } from '../../src/lib/primitives.ts'
import { interopPubkey } from './beacon-keys.ts'

/** Epochs as numbers; never is `Infinity`. */
export type SimValidator = {
  readonly index: number
  readonly activationEligibilityEpoch: number
  readonly activationEpoch: number
  readonly exitEpoch: number
  readonly withdrawableEpoch: number
  readonly slashed: boolean
  /** Gwei. */
  readonly balance: number
  /** Any bytes; the interop key of the index by default, derived when it is first looked at. */
  readonly pubkey?: string
}
/** A state to look at: what had happened by `version`, seen from `epoch`. */
export type View = { readonly version: number; readonly epoch: number; readonly slot: number }

export const NEVER = Infinity
const GWEI_32 = 32_000_000_000

/** Validators with their past, so that head, finalized and lagging states can all be asked. */
export function createRegistry(initial: readonly Partial<SimValidator>[] | number) {
  const current: SimValidator[] = []
  /** Older values of those that changed: each counted up to and including its version. */
  const past = new Map<number, { until: number; value: SimValidator | undefined }[]>()
  let version = 0
  let byPubkey: Map<string, number> | undefined

  const make = (index: number, more: Partial<SimValidator> = {}): SimValidator => ({
    activationEligibilityEpoch: 0,
    activationEpoch: 0,
    exitEpoch: NEVER,
    withdrawableEpoch: NEVER,
    slashed: false,
    balance: GWEI_32,
    ...more,
    index,
  })
  if (typeof initial === 'number') {
    for (let i = 0; i < initial; i += 1) current.push(make(i))
  } else {
    for (const [i, more] of initial.entries()) current.push(make(more.index ?? i, more))
  }
  const isDense = current.every(({ index }, i) => index === i)
  const positions = new Map(isDense ? [] : current.map(({ index }, i) => [index, i]))
  const positionOf = (index: number) => (isDense ? index : (positions.get(index) ?? -1))

  const pubkeyOf = (validator: SimValidator): Hex =>
    (validator.pubkey?.toLowerCase() ?? interopPubkey(validator.index)) as Hex

  function at(index: number, view?: View): SimValidator | undefined {
    if (view !== undefined) {
      const old = past.get(index)?.find(({ until }) => view.version <= until)
      if (old !== undefined) return old.value
    }
    return current[positionOf(index)]
  }

  return {
    at,
    pubkeyOf,
    size: () => current.length,
    version: () => version,
    indices: () => current.map(({ index }) => index),
    indexOf(pubkey: string): number | undefined {
      byPubkey ??= new Map(current.map((one) => [pubkeyOf(one), one.index]))
      return byPubkey.get(pubkey.toLowerCase())
    },
    change(index: number, change: Partial<SimValidator>): SimValidator {
      const old = current[positionOf(index)]
      if (old === undefined) throw new Error(`no validator ${index}`)
      const entries = past.get(index) ?? []
      entries.push({ until: version, value: old })
      past.set(index, entries)
      version += 1
      const changed = { ...old, ...change, index }
      current[positionOf(index)] = changed
      if (change.pubkey !== undefined) byPubkey = undefined
      return changed
    },
    add(more: Partial<SimValidator> = {}): SimValidator {
      const index = more.index ?? current.length
      if (isDense && index !== current.length) throw new Error('indices must stay in sequence')
      const added = make(index, more)
      if (!isDense) positions.set(index, current.length)
      current.push(added)
      past.set(index, [{ until: version, value: undefined }])
      version += 1
      byPubkey = undefined
      return added
    },
  }
}
export type Registry = ReturnType<typeof createRegistry>

/** @see https://hackmd.io/ofFJ5gOmQpu1jjHilHbdQQ (validator statuses of the Beacon API) */
export function statusOf(validator: SimValidator, epoch: number): string {
  const { activationEpoch, exitEpoch, withdrawableEpoch, slashed } = validator
  if (epoch < activationEpoch) {
    return validator.activationEligibilityEpoch === NEVER ? 'pending_initialized' : 'pending_queued'
  }
  if (epoch < exitEpoch) {
    if (exitEpoch === NEVER) return 'active_ongoing'
    return slashed ? 'active_slashed' : 'active_exiting'
  }
  if (epoch < withdrawableEpoch) return slashed ? 'exited_slashed' : 'exited_unslashed'
  return validator.balance > 0 ? 'withdrawal_possible' : 'withdrawal_done'
}

const epochText = (epoch: number) => (epoch === NEVER ? FAR_FUTURE_EPOCH : epoch).toString()

export const validatorJson = (validator: SimValidator, pubkey: string, epoch: number) => ({
  index: validator.index.toString(),
  balance: validator.balance.toString(),
  status: statusOf(validator, epoch),
  validator: {
    pubkey,
    withdrawal_credentials: `0x01${'00'.repeat(11)}${'4e'.repeat(20)}`,
    effective_balance: Math.min(validator.balance, GWEI_32).toString(),
    slashed: validator.slashed,
    activation_eligibility_epoch: epochText(validator.activationEligibilityEpoch),
    activation_epoch: epochText(validator.activationEpoch),
    exit_epoch: epochText(validator.exitEpoch),
    withdrawable_epoch: epochText(validator.withdrawableEpoch),
  },
})
