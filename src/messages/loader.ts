import { type SigningContext, signingContextKey } from '../consensus/fork.ts'
import { isExiting } from '../consensus/registry.ts'
import type { CryptoPool } from '../lib/crypto-pool.ts'
import { yieldIfDue } from '../lib/event-loop.ts'
import { growHeapSlowly } from '../lib/v8-flags.ts'
import { createCollection, type FoundExit } from './collection.ts'
import { createOpener, type OpenSealed, type SplitJson } from './decode.ts'
import type { Listing, MessageStore } from './message-store.ts'
import { createFileReader } from './read-files.ts'
import type { MessageSnapshot } from './snapshot.ts'
import { createVerifier, type ReadKeys, type ReadRegistry } from './verify.ts'

export type MessageLoaderParts = {
  readonly store: MessageStore
  /** Byte strings that the configured password may stand for; none if there is no password. */
  readonly passwords: readonly Uint8Array[]
  readonly pool: Pick<CryptoPool, 'size' | 'verify' | 'derive' | 'splitJson'>
  readonly readRegistry: ReadRegistry
  /** Second opinions on messages that do not fit the registry; none unless given. */
  readonly readKeys?: ReadKeys
  /**
   * What exits must be signed for now. Files are read and decrypted meanwhile.
   *
   * @throws when it cannot be told
   */
  readonly readSigningContext: (signal: AbortSignal) => Promise<SigningContext>
  /** Unix ms. */
  readonly now?: () => number
  /** Milliseconds after which a pass begins nothing new; for tests. */
  readonly passMs?: number
}

export type MessageLoader = {
  /**
   * Reads the location once, in one pass that takes a few seconds, once the nodes are up: what is
   * not read by then is pending in the snapshot, and for the next pass. Not to be called again before it has ended.
   *
   * @throws StoreError when the location cannot be read, what `readRegistry` and
   *   `readSigningContext` throw: the snapshot before stays
   */
  load(signal: AbortSignal): Promise<MessageSnapshot>
  /** The snapshot of the last pass that ended well. */
  current(): MessageSnapshot | undefined
}

/**
 * A pass begins nothing new after this long, ms: opening thousands of envelopes takes hours, and
 * until then neither may what is verified wait, nor a file that came or was taken away be missed.
 */
const PASS_MS = 20_000
/** Exits that are looked up and verified together; as many as the node is asked for at once. */
const EXITS_AT_ONCE = 1_000
/** Milliseconds. Files that waited longer for the signing context are listed again. */
const STALE_MS = 5_000
/** The threads shall have work soon. */
const EXITS_AT_FIRST = 256
/**
 * While some of these wait for the node, others keep the cores busy. More is not read before it is
 * known what exits must be signed for.
 */
const BATCHES_AT_ONCE = 3
/** Memory counts from here on. */
const MANY_EXITS = 20_000
/** Envelopes under way for each thread. */
const ENVELOPES_PER_THREAD = 4

/**
 * From files to verified exits: list, read what changed, decrypt, verify, publish a snapshot.
 * Nothing that did not change is opened, decrypted or verified twice.
 */
export function createMessageLoader(parts: MessageLoaderParts): MessageLoader {
  const { store, passwords, pool, readRegistry, readSigningContext, now = Date.now } = parts
  const files = createFileReader(store, ENVELOPES_PER_THREAD * pool.size, now)
  const verify = createVerifier(
    readRegistry,
    (signal) => (checks) => pool.verify(checks, signal),
    parts.readKeys,
  )
  let snapshot: MessageSnapshot | undefined
  /** While these stay the same, and the registry too, the snapshot is what a load would lead to. */
  let basis: { readonly listing: Listing; readonly context: string } | undefined
  /** Keeps derived keys from pass to pass, until nothing is pending. */
  let open: OpenSealed | undefined

  /** Nothing is made anew when nothing differs. */
  async function isUnchanged(
    before: MessageSnapshot,
    listing: Listing,
    context: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (basis === undefined || basis.context !== context) return false
    if (!isSameListing(basis.listing, listing)) return false
    if (before.exits.size === 0) return true
    const { entries } = await readRegistry([...before.exits.keys()], signal)
    return [...before.exits].every(([index, { exit, used }]) => {
      const validator = entries.get(index)
      return validator?.pubkey === exit.pubkey && isExiting(validator) === used
    })
  }

  /** @param isStale - what is read from now on is not published */
  async function loadAll(
    listing: Listing,
    told: Promise<Told>,
    isStale: () => boolean,
    signal: AbortSignal,
  ) {
    const readAt = now()
    const endsAt = performance.now() + (parts.passMs ?? PASS_MS)
    const collection = createCollection()
    const split: SplitJson = (bytes, listKey) => pool.splitJson(bytes, listKey, signal)
    open ??= createOpener(pool.derive, passwords, split)
    const pass = { open, split, isTimeUp: () => isStale() || performance.now() > endsAt }

    async function verifyBatch(batch: readonly FoundExit[]): Promise<void> {
      const { context } = await told
      const contents = batch.map(({ content }) => content)
      const verdicts = await verify(contents, context, signal)
      for (const [i, verdict] of verdicts.entries()) {
        const found = batch[i]
        if (found !== undefined) collection.addVerdict(found, verdict)
        const turn = yieldIfDue()
        if (turn !== undefined) await turn
      }
    }
    const batches = severalAtOnce(verifyBatch)
    let batch: FoundExit[] = []
    let most = EXITS_AT_FIRST
    let count = 0
    for await (const file of files.read(listing, pass, signal)) {
      for (const found of collection.addFile(file)) batch.push(found)
      if (batch.length >= most) {
        count += batch.length
        if (count > MANY_EXITS) growHeapSlowly()
        await batches.start(batch)
        batch = []
        most = EXITS_AT_ONCE
      }
    }
    if (batch.length > 0) await batches.start(batch)
    await batches.ended()
    return collection.finish(listing.passedOver, readAt)
  }

  async function tell(signal: AbortSignal): Promise<Told> {
    const context = await readSigningContext(signal)
    return { context, key: signingContextKey(context), at: performance.now() }
  }

  async function load(told: Promise<Told>, signal: AbortSignal): Promise<MessageSnapshot> {
    const listing = await store.list(signal)
    const listedAt = performance.now()
    let isStale = false
    const judge = ({ at }: Told) => {
      isStale = at - listedAt > STALE_MS
    }
    told.then(judge, () => {})
    if (snapshot !== undefined) {
      const { key } = await told
      if (await isUnchanged(snapshot, listing, key, signal)) {
        snapshot = { ...snapshot, readAt: now(), passedOver: listing.passedOver }
        return snapshot
      }
    }
    basis = undefined
    const found = await loadAll(listing, told, () => isStale, signal)
    const { key } = await told
    // A file may have been taken away while the nodes were not up. What was read is remembered.
    if (isStale) return load(told, signal)
    snapshot = found
    if (snapshot.pending === 0) open = undefined
    // What a node said of a validator may be another thing next time.
    const hangsOnNodes = snapshot.refused.some((one) => one.validatorIndex !== undefined)
    if (files.isSettled(listing) && !hangsOnNodes) basis = { listing, context: key }
    return snapshot
  }

  return {
    load(signal) {
      const told = tell(signal)
      // It is thrown where it is waited for.
      told.catch(() => {})
      return load(told, signal)
    },
    current: () => snapshot,
  }
}

/** Each waits while there are too many; the first failure is thrown by whatever is awaited next. */
function severalAtOnce<Batch>(work: (batch: Batch) => Promise<void>) {
  const running = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  const check = () => {
    if (failure !== undefined) throw failure.error
  }
  return {
    async start(batch: Batch): Promise<void> {
      const one = work(batch)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(one))
      running.add(one)
      if (running.size >= BATCHES_AT_ONCE) await Promise.race(running)
      check()
    },
    async ended(): Promise<void> {
      await Promise.all(running)
      check()
    },
  }
}

/** @param at - milliseconds that only go forward */
type Told = { readonly context: SigningContext; readonly key: string; readonly at: number }

function isSameListing(a: Listing, b: Listing): boolean {
  if (a === b) return true
  return (
    a.entries.length === b.entries.length &&
    a.entries.every((entry, i) => {
      const other = b.entries[i]
      return (
        other?.name === entry.name &&
        'version' in entry &&
        'version' in other &&
        entry.version === other.version
      )
    })
  )
}
