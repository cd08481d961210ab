import { EventEmitter } from 'node:events'
import { exitForkVersion, exitSigningRoot, type Fork, type SignedExitJson } from './beacon-exits.ts'
import { interopSecretKey, sha256, sign, toHex } from './beacon-keys.ts'
import { createPool } from './beacon-pool.ts'
import { createRegistry, NEVER, type SimValidator, type View } from './beacon-registry.ts'

export type BeaconChainOptions = {
  /** Hoodi by default. */
  readonly chainId?: bigint
  readonly slotsPerEpoch?: number
  readonly secondsPerSlot?: number
  /** Epoch of the head, which is finalized, at the start. */
  readonly epoch?: number
  /** Unix seconds. By default such that the wall clock agrees with the head. */
  readonly genesisTime?: number
  readonly genesisValidatorsRoot?: string
  readonly capellaForkVersion?: string
  /** `undefined` given: the spec does not name it, as before Deneb was planned. */
  readonly denebForkEpoch?: number | undefined
  readonly fork?: Fork
  readonly shardCommitteePeriod?: number
  /** How many with interop keys, or a list. */
  readonly validators?: readonly Partial<SimValidator>[] | number
  /** Accepted exits count at once, without a block. */
  readonly autoInclude?: boolean
  readonly maxExitsPerEpoch?: number
  /** More or other keys of `/eth/v1/config/spec`; `undefined` takes a key out. */
  readonly spec?: Record<string, string | undefined>
}

/** Spec: epochs between an exit and the withdrawal, and from a block to the earliest exit. */
const MIN_VALIDATOR_WITHDRAWABILITY_DELAY = 256
const MAX_SEED_LOOKAHEAD = 4

export type PartialWithdrawal = {
  readonly validatorIndex: number
  /** Gwei. */
  readonly amount?: number
  readonly withdrawableEpoch?: number
}

export type SimPayload = { readonly blockHash: string; readonly receiptsRoot: string }

/** The truth about a beacon chain. Nodes serve it, or lie about it. */
export function createBeaconChain(options: BeaconChainOptions = {}) {
  const { slotsPerEpoch = 32, secondsPerSlot = 12, epoch = 1000 } = options
  const secondsPerEpoch = slotsPerEpoch * secondsPerSlot
  const capellaForkVersion = options.capellaForkVersion ?? '0x40000910'
  const registry = createRegistry(options.validators ?? 10)
  const chain = {
    chainId: options.chainId ?? 560048n,
    slotsPerEpoch,
    secondsPerSlot,
    genesisTime: options.genesisTime ?? Math.floor(Date.now() / 1000) - epoch * secondsPerEpoch,
    genesisValidatorsRoot: options.genesisValidatorsRoot ?? toHex(sha256(Buffer.from('sim'))),
    capellaForkVersion,
    denebForkEpoch: 'denebForkEpoch' in options ? options.denebForkEpoch : 0,
    fork: options.fork ?? { previousVersion: '0x50000910', currentVersion: '0x60000910', epoch: 0 },
    shardCommitteePeriod: options.shardCommitteePeriod ?? 256,
    autoInclude: options.autoInclude ?? false,
    maxExitsPerEpoch: options.maxExitsPerEpoch ?? Infinity,
    spec: options.spec ?? {},
    epoch,
    slot: epoch * slotsPerEpoch,
    finalizedView: { version: 0, epoch, slot: epoch * slotsPerEpoch } as View,
    pendingPartialWithdrawals: [] as PartialWithdrawal[],
    /** Source and target. */
    pendingConsolidations: [] as (readonly [number, number])[],
    /** Execution blocks by slot, as blocks of this chain name them. Other slots are empty. */
    payloads: new Map<number, SimPayload>(),
    /** `head` and `finalized_checkpoint`, with the data of the Beacon API event. */
    events: new EventEmitter().setMaxListeners(0),
    registry,
    view,
    blockRoot,
    advance,
    advanceSlots,
    finalize,
    processPool,
    reorgOutExits,
    signExit,
    /**
     * Changes a validator at head; epochs as numbers, `Infinity` is never. `finalize` makes the
     * finalized state follow.
     */
    setValidator: registry.change,
    addValidator: registry.add,
    validator: (index: number) => registry.at(index),
    pubkey(index: number) {
      const validator = registry.at(index)
      if (validator === undefined) throw new Error(`no validator ${index}`)
      return registry.pubkeyOf(validator)
    },
    /** Validators whose voluntary exit is in the head state, ascending. */
    exitedIndices: () => [...exited].sort((a, b) => a - b),
  }
  /** Where the registry stood when an epoch ended, for nodes that lag. */
  const ends: { epoch: number; version: number }[] = []
  const exited = new Set<number>()
  const pool = createPool(chain)
  return Object.assign(chain, pool)

  /** @param lag - epochs behind the head; an earlier epoch is seen as it began */
  function view(lag = 0): View {
    if (lag === 0) return { version: registry.version(), epoch: chain.epoch, slot: chain.slot }
    const past = Math.max(0, chain.epoch - lag)
    const version = ends.findLast((end) => end.epoch < past)?.version ?? 0
    return { version, epoch: past, slot: past * slotsPerEpoch }
  }

  function blockRoot(slot: number) {
    return toHex(sha256(Buffer.from(`${chain.genesisValidatorsRoot}:${slot}`)))
  }

  /** Whole epochs: the pool goes into blocks, then the head stands at the start of the next one. */
  function advance(epochs = 1): void {
    for (let i = 0; i < epochs; i += 1) {
      processPool()
      ends.push({ epoch: chain.epoch, version: registry.version() })
      chain.epoch += 1
      chain.slot = chain.epoch * slotsPerEpoch
      emitHead()
    }
  }

  /** Slots within or across epochs; the pool goes into the first block. */
  function advanceSlots(slots = 1): void {
    for (let i = 0; i < slots; i += 1) {
      if ((chain.slot + 1) % slotsPerEpoch === 0) advance()
      else {
        processPool()
        chain.slot += 1
        emitHead()
      }
    }
  }

  function emitHead(): void {
    const block = blockRoot(chain.slot)
    chain.events.emit('head', {
      slot: chain.slot.toString(),
      block,
      state: block,
      epoch_transition: chain.slot % slotsPerEpoch === 0,
      previous_duty_dependent_root: block,
      current_duty_dependent_root: block,
      execution_optimistic: false,
    })
  }

  /** What is head now becomes the finalized state; `lag` epochs leave the latest ones out. */
  function finalize(lag = 0): void {
    chain.finalizedView = view(lag)
    const block = blockRoot(chain.finalizedView.slot)
    chain.events.emit('finalized_checkpoint', {
      block,
      state: block,
      epoch: chain.finalizedView.epoch.toString(),
      execution_optimistic: false,
    })
  }

  /** Includes what can be included; the rest stays in the pool. Returns the indices included. */
  function processPool(): number[] {
    const included = pool.takeIncludable(chain.maxExitsPerEpoch)
    for (const index of included) {
      const exitEpoch = chain.epoch + 1 + MAX_SEED_LOOKAHEAD
      const withdrawableEpoch = exitEpoch + MIN_VALIDATOR_WITHDRAWABILITY_DELAY
      registry.change(index, { exitEpoch, withdrawableEpoch })
      exited.add(index)
    }
    return included
  }

  /** The blocks with these exits are gone from the chain, and with them the exits from the pool. */
  function reorgOutExits(indices: readonly number[] = [...exited]): void {
    for (const index of indices) {
      registry.change(index, { exitEpoch: NEVER, withdrawableEpoch: NEVER })
      exited.delete(index)
      pool.pool.delete(index)
    }
  }

  /** A message as an operator signs it ahead of time, with the interop key unless told. */
  function signExit(
    index: number,
    how: { epoch?: number | bigint; forkVersion?: string; secretKey?: Uint8Array } = {},
  ): SignedExitJson {
    const exitEpoch = BigInt(how.epoch ?? 0)
    const version = how.forkVersion ?? exitForkVersion(chain, chain.epoch, exitEpoch)
    const { genesisValidatorsRoot } = chain
    const root = exitSigningRoot(exitEpoch, BigInt(index), version, genesisValidatorsRoot)
    return {
      message: { epoch: exitEpoch.toString(), validator_index: index.toString() },
      signature: sign(how.secretKey ?? interopSecretKey(index), root),
    }
  }
}

export type BeaconChain = ReturnType<typeof createBeaconChain>
