import { fromHex, leaf, sha256 } from './beacon-keys.ts'

/** The fork that a beacon state is in, as in the Beacon API. */
export type Fork = {
  readonly previousVersion: string
  readonly currentVersion: string
  /** Epoch from which the current version counts. */
  readonly epoch: number
}
export type SignedExitJson = {
  readonly message: { readonly epoch: string; readonly validator_index: string }
  readonly signature: string
}

const DOMAIN_VOLUNTARY_EXIT = Buffer.from('04000000', 'hex')

/**
 * Fork version an exit must be signed for: from Deneb on Capella's (EIP-7044), before it the one
 * of the exit's epoch.
 */
export function exitForkVersion(
  chain: { capellaForkVersion: string; denebForkEpoch: number | undefined; fork: Fork },
  headEpoch: number,
  exitEpoch: bigint,
): string {
  if (chain.denebForkEpoch !== undefined && headEpoch >= chain.denebForkEpoch) {
    return chain.capellaForkVersion
  }
  const { fork } = chain
  return exitEpoch < BigInt(fork.epoch) ? fork.previousVersion : fork.currentVersion
}

/** Spec: `compute_signing_root(VoluntaryExit, compute_domain(...))`, written out by hand. */
export function exitSigningRoot(
  epoch: bigint,
  validatorIndex: bigint,
  forkVersion: string,
  genesisValidatorsRoot: string,
): Buffer {
  const version = Buffer.concat([fromHex(forkVersion), Buffer.alloc(28)])
  const forkDataRoot = sha256(version, fromHex(genesisValidatorsRoot))
  const domain = Buffer.concat([DOMAIN_VOLUNTARY_EXIT, forkDataRoot.subarray(0, 28)])
  return sha256(sha256(leaf(epoch), leaf(validatorIndex)), domain)
}
