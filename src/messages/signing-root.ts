import { setHasher } from '@chainsafe/persistent-merkle-tree'
import { hasher } from '@chainsafe/persistent-merkle-tree/hasher/as-sha256'
import { ByteVectorType, ContainerType, UintBigintType, UintNumberType } from '@chainsafe/ssz'
import type { SigningDomain } from '../consensus/fork.ts'
import type { Bytes32, Epoch, Hex, ValidatorIndex } from '../lib/primitives.ts'

// In WebAssembly it takes half of the time. Nothing has been hashed before.
setHasher(hasher)

/** Spec: phase0 `DOMAIN_VOLUNTARY_EXIT`. */
const DOMAIN_VOLUNTARY_EXIT = Uint8Array.of(4, 0, 0, 0)

/** Spec: phase0 `VoluntaryExit`. */
const VoluntaryExit = new ContainerType({
  epoch: new UintBigintType(8),
  validatorIndex: new UintNumberType(8),
})
/** Spec: phase0 `ForkData`. */
const ForkData = new ContainerType({
  currentVersion: new ByteVectorType(4),
  genesisValidatorsRoot: new ByteVectorType(32),
})
/** Spec: phase0 `SigningData`. */
const SigningData = new ContainerType({
  objectRoot: new ByteVectorType(32),
  domain: new ByteVectorType(32),
})

/** Bounded by what can occur: a few fork versions of one chain. */
const domains = new Map<string, Uint8Array>()

/** Spec: phase0 `compute_domain(DOMAIN_VOLUNTARY_EXIT, fork_version, genesis_validators_root)`. */
export function exitDomain({ forkVersion, genesisValidatorsRoot }: SigningDomain): Uint8Array {
  const key = `${forkVersion}:${genesisValidatorsRoot}`
  let domain = domains.get(key)
  if (domain === undefined) {
    const forkDataRoot = ForkData.hashTreeRoot({
      currentVersion: toBytes(forkVersion),
      genesisValidatorsRoot: toBytes(genesisValidatorsRoot),
    })
    domain = new Uint8Array(32)
    domain.set(DOMAIN_VOLUNTARY_EXIT)
    domain.set(forkDataRoot.subarray(0, 28), 4)
    domains.set(key, domain)
  }
  return domain
}

/** Spec: phase0 `compute_signing_root(VoluntaryExit(epoch, validator_index), domain)`. */
export function exitSigningRoot(
  exit: { readonly epoch: Epoch; readonly validatorIndex: ValidatorIndex },
  domain: SigningDomain,
): Bytes32 {
  const objectRoot = VoluntaryExit.hashTreeRoot({
    epoch: exit.epoch,
    validatorIndex: exit.validatorIndex,
  })
  return toHex(SigningData.hashTreeRoot({ objectRoot, domain: exitDomain(domain) }))
}

const toBytes = (hex: Hex) => Buffer.from(hex.slice(2), 'hex')
const toHex = (bytes: Uint8Array) =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}` as Bytes32
