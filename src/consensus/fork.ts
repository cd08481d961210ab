import { networkOf } from '../config/networks.ts'
import {
  type Brand,
  type Bytes32,
  type Epoch,
  FAR_FUTURE_EPOCH,
  type Hex,
  toldUint64,
} from '../lib/primitives.ts'

/** Spec: phase0 `Version`, 4 bytes, lowercase 0x-hex. */
export type ForkVersion = Brand<Hex, 'ForkVersion'>

/** Lowercases 4 bytes of 0x-hex in any letter case; `undefined` for anything else. */
export function parseForkVersion(value: unknown): ForkVersion | undefined {
  if (typeof value !== 'string') return undefined
  const lower = value.toLowerCase()
  return /^0x[0-9a-f]{8}$/.test(lower) ? (lower as ForkVersion) : undefined
}

export type ForkSettings = {
  /** `CAPELLA_FORK_VERSION` of the environment: wins over everything. */
  readonly capellaForkVersion: ForkVersion | undefined
  /** `FORCE_DENCUN_FORK_MODE`: Deneb counts as reached, whatever the node says. */
  readonly forceDeneb: boolean
}

/** What execution and consensus node say about the chain. */
export type ForkFacts = {
  readonly chainId: bigint
  /** `data` of `/eth/v1/config/spec`. */
  readonly spec: Readonly<Record<string, unknown>>
  readonly currentEpoch: Epoch
  /** `data` of `/eth/v1/beacon/states/{id}/fork`, where `needsStateFork`. */
  readonly stateFork: { readonly previousVersion: Hex; readonly currentVersion: Hex } | undefined
}

/** What exits must be signed for: each of the fork versions is tried, in this order. */
export type SigningContext = {
  readonly genesisValidatorsRoot: Bytes32
  readonly forkVersions: readonly ForkVersion[]
  /** By what other nodes say, tried last: one node that errs must not make every message bad. */
  readonly otherwise?: readonly SigningDomain[]
}

/** What an exit is signed over besides its own fields. */
export type SigningDomain = {
  readonly genesisValidatorsRoot: Bytes32
  readonly forkVersion: ForkVersion
}

/** Every domain that an exit may be signed for, the likeliest first. */
export function signingDomains(context: SigningContext): readonly SigningDomain[] {
  const { genesisValidatorsRoot, forkVersions, otherwise = [] } = context
  return [
    ...forkVersions.map((forkVersion) => ({ genesisValidatorsRoot, forkVersion })),
    ...otherwise,
  ]
}

/** Equal for contexts in which every exit is judged alike. */
export const signingContextKey = (context: SigningContext): string =>
  signingDomains(context)
    .map(({ genesisValidatorsRoot, forkVersion }) => `${genesisValidatorsRoot}:${forkVersion}`)
    .join()

/** One context of several, in their order, each domain once. `undefined` of none. */
export function joinSigningContexts([first, ...rest]: readonly SigningContext[]):
  | SigningContext
  | undefined {
  if (first === undefined) return undefined
  const keyOf = (domain: SigningDomain) => `${domain.genesisValidatorsRoot}:${domain.forkVersion}`
  const known = new Set(signingDomains(first).map(keyOf))
  const otherwise = rest.flatMap(signingDomains).filter((domain) => {
    const isNew = !known.has(keyOf(domain))
    known.add(keyOf(domain))
    return isNew
  })
  return otherwise.length === 0 ? first : { ...first, otherwise }
}

export type ForkChoice =
  | { readonly ok: true; readonly forkVersions: readonly ForkVersion[] }
  | {
      readonly ok: false
      readonly code: 'chain-mismatch' | 'capella-unknown' | 'spec-malformed'
      readonly detail: string
    }

/**
 * The fork versions that an exit may be signed for now.
 *
 * From Deneb on it is Capella's, whatever the epoch of the message (EIP-7044, deneb
 * `process_voluntary_exit`); before it the current one, then the previous one (phase0
 * `get_domain` picks by the message's epoch, and a message may stem from either side of a fork).
 */
export function chooseForkVersions(facts: ForkFacts, settings: ForkSettings): ForkChoice {
  const capella = capellaVersion(facts, settings)
  if (typeof capella === 'object') return capella
  const isDeneb = isDenebReached(facts, settings)
  if (isDeneb === undefined) {
    return malformed('DENEB_FORK_EPOCH of the consensus node is not an epoch')
  }
  if (!isDeneb) {
    const current = parseForkVersion(facts.stateFork?.currentVersion)
    const previous = parseForkVersion(facts.stateFork?.previousVersion)
    if (current === undefined || previous === undefined) {
      return malformed('the fork of the consensus node is not two fork versions')
    }
    return { ok: true, forkVersions: [...new Set([current, previous])] }
  }
  if (capella !== undefined) return { ok: true, forkVersions: [capella] }
  return {
    ok: false,
    code: 'capella-unknown',
    detail: `chain ${facts.chainId} is not a known one and the consensus node does not tell its CAPELLA_FORK_VERSION: set CAPELLA_FORK_VERSION, for example 0x03000000`,
  }
}

/** Whether it takes the fork of the head state to tell: before Deneb only. */
export const needsStateFork = (
  facts: Omit<ForkFacts, 'stateFork'>,
  settings: ForkSettings,
): boolean => isDenebReached(facts, settings) === false

/** `undefined` when the node's spec cannot be read. */
function isDenebReached(
  { spec, currentEpoch }: Omit<ForkFacts, 'stateFork'>,
  { forceDeneb }: ForkSettings,
): boolean | undefined {
  if (forceDeneb) return true
  const told = ownValue(spec, 'DENEB_FORK_EPOCH')
  if (told === undefined) return false
  const deneb = toldUint64(told) as Epoch | undefined
  return deneb === undefined ? undefined : deneb !== FAR_FUTURE_EPOCH && currentEpoch >= deneb
}

/** Environment, then the known chain, then the node's word. */
function capellaVersion(
  { chainId, spec }: ForkFacts,
  { capellaForkVersion }: ForkSettings,
): ForkVersion | undefined | Extract<ForkChoice, { ok: false }> {
  if (capellaForkVersion !== undefined) return capellaForkVersion
  const told = ownValue(spec, 'CAPELLA_FORK_VERSION') ?? undefined
  const version = parseForkVersion(told)
  if (told !== undefined && version === undefined) {
    return malformed('CAPELLA_FORK_VERSION of the consensus node is not 4 bytes of 0x-hex')
  }
  const known = networkOf(chainId)
  if (known === undefined) return version
  const { name, capellaForkVersion: expected } = known
  if (version === undefined || version === expected) return expected as ForkVersion
  return {
    ok: false,
    code: 'chain-mismatch',
    detail: `the consensus node says CAPELLA_FORK_VERSION ${version}, but ${name} (chain ${chainId}) has ${expected}: it is on another chain`,
  }
}

const malformed = (detail: string) => ({ ok: false, code: 'spec-malformed', detail }) as const

const ownValue = (record: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(record, key) ? record[key] : undefined
