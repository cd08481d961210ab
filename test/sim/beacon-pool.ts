import { exitForkVersion, exitSigningRoot, type Fork, type SignedExitJson } from './beacon-exits.ts'
import { isSignedBy } from './beacon-keys.ts'
import { NEVER, type Registry, type SimValidator } from './beacon-registry.ts'

/** What became of one exit that a node was given. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'duplicate' }
  /** Valid later: the message, or the validator, is too young. */
  | { readonly kind: 'early'; readonly why: string }
  | { readonly kind: 'invalid'; readonly why: string }

export type AcceptedExit = {
  readonly index: number
  readonly exit: SignedExitJson
  /** Epoch of the head when it was accepted. */
  readonly epoch: number
  /** Unix ms. */
  readonly at: number
  /** Name of the node that took it. */
  readonly node: string
}

/** The part of the chain that decides about exits. */
type Rules = {
  readonly epoch: number
  readonly registry: Registry
  readonly genesisValidatorsRoot: string
  readonly capellaForkVersion: string
  readonly denebForkEpoch: number | undefined
  readonly fork: Fork
  readonly shardCommitteePeriod: number
  readonly pendingPartialWithdrawals: readonly { readonly validatorIndex: number }[]
  readonly autoInclude: boolean
  readonly processPool: () => number[]
}

/**
 * The exits that wait for a block, shared by all nodes as gossip does.
 *
 * @see https://github.com/ChainSafe/lodestar (deferredVoluntaryExitPool.ts): what comes early waits
 *   there at that node alone, which takes no other one for this validator meanwhile
 */
export function createPool(chain: Rules) {
  const pool = new Map<number, SignedExitJson>()
  /** By node. */
  const deferred = new Map<string, Map<number, SignedExitJson>>()
  /** Every exit that a node accepted as new, in order. */
  const accepted: AcceptedExit[] = []

  /** Judges by the rules, and puts what is good into the pool. */
  function offerExit(exit: SignedExitJson, node = 'node', takeEarly = false): Verdict {
    const index = Number(exit.message.validator_index)
    const held = deferred.get(node) ?? new Map<number, SignedExitJson>()
    if (held.has(index)) return { kind: 'duplicate' }
    const verdict = judgeExit(chain, pool, exit)
    const isDeferred = verdict.kind === 'early' && takeEarly
    if (verdict.kind !== 'accepted' && !isDeferred) return verdict
    if (isDeferred) deferred.set(node, held.set(index, exit))
    else pool.set(index, exit)
    accepted.push({ index, exit, epoch: chain.epoch, at: Date.now(), node })
    if (chain.autoInclude) chain.processPool()
    return { kind: 'accepted' }
  }

  /** Takes those out of the pool that a block can include now. */
  function takeIncludable(max: number): number[] {
    for (const held of deferred.values()) {
      for (const [index, exit] of held) {
        const { kind } = judgeExit(chain, new Map(), exit)
        if (kind === 'early') continue
        held.delete(index)
        if (kind === 'accepted' && !pool.has(index)) pool.set(index, exit)
      }
    }
    const indices: number[] = []
    for (const [index, exit] of pool) {
      if (indices.length >= max) break
      const validator = chain.registry.at(index)
      if (validator === undefined || validator.exitEpoch !== NEVER) pool.delete(index)
      else if (tooEarly(chain, validator, BigInt(exit.message.epoch)) === undefined) {
        pool.delete(index)
        indices.push(index)
      }
    }
    return indices
  }

  return {
    pool,
    accepted,
    offerExit,
    judgeExit: (exit: SignedExitJson) => judgeExit(chain, new Map(), exit),
    takeIncludable,
  }
}

/** Spec: Electra `process_voluntary_exit`, then gossip's "first valid exit of a validator". */
function judgeExit(
  chain: Rules,
  pool: ReadonlyMap<number, unknown>,
  { message, signature }: SignedExitJson,
): Verdict {
  const index = Number(message.validator_index)
  const validator = chain.registry.at(index)
  if (validator === undefined) return { kind: 'invalid', why: `ValidatorUnknown(${index})` }
  if (validator.exitEpoch !== NEVER) return { kind: 'invalid', why: `AlreadyExited(${index})` }
  const epoch = BigInt(message.epoch)
  const version = exitForkVersion(chain, chain.epoch, epoch)
  const root = exitSigningRoot(epoch, BigInt(index), version, chain.genesisValidatorsRoot)
  if (!isSignedBy(chain.registry.pubkeyOf(validator), root, signature)) {
    return { kind: 'invalid', why: 'BadSignature' }
  }
  const why = tooEarly(chain, validator, epoch)
  if (why !== undefined) return { kind: 'early', why }
  return { kind: pool.has(index) ? 'duplicate' : 'accepted' }
}

function tooEarly(chain: Rules, validator: SimValidator, epoch: bigint): string | undefined {
  const { index, activationEpoch } = validator
  if (activationEpoch > chain.epoch) return `NotActive(${index})`
  if (epoch > BigInt(chain.epoch)) {
    return `FutureEpoch { state: Epoch(${chain.epoch}), exit: Epoch(${epoch}) }`
  }
  const from = activationEpoch + chain.shardCommitteePeriod
  if (from > chain.epoch) {
    return `TooYoungToExit { current_epoch: Epoch(${chain.epoch}), earliest_exit_epoch: Epoch(${from}) }`
  }
  return chain.pendingPartialWithdrawals.some((one) => one.validatorIndex === index)
    ? `PendingWithdrawalInQueue(${index})`
    : undefined
}
