import {
  type Epoch,
  FAR_FUTURE_EPOCH,
  type Pubkey,
  type ValidatorIndex,
} from '../lib/primitives.ts'

/** What one consensus node says about one validator in one state. */
export type RegistryEntry = {
  readonly index: ValidatorIndex
  readonly pubkey: Pubkey
  /** Beacon API status, for example `active_ongoing`. For people; decisions use the epochs. */
  readonly status: string
  readonly activationEpoch: Epoch
  readonly exitEpoch: Epoch
  /** For people too; `undefined` where the node does not tell it. */
  readonly withdrawableEpoch?: Epoch | undefined
}

export type Registry = ReadonlyMap<ValidatorIndex, RegistryEntry>

/** Spec: phase0 `initiate_validator_exit` sets `exit_epoch` once, and nothing ever unsets it. */
export const isExiting = (entry: RegistryEntry) => entry.exitEpoch !== FAR_FUTURE_EPOCH
