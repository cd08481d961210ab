import type { Delivery } from '../config/delivery.ts'
import { type CryptoPool, createCryptoPool } from '../lib/crypto-pool.ts'
import { onAbort, orAborted } from '../lib/on-abort.ts'
import { passwordCandidates } from '../lib/password.ts'
import type { MessageLoader, MessageLoaderParts } from '../messages/loader.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { openStore } from './open-store.ts'

/** What messages are checked against. */
export type ChainReaders = Required<
  Pick<MessageLoaderParts, 'readRegistry' | 'readKeys' | 'readSigningContext'>
>

/** Where messages come from, and what checks them. */
export type MessageSource = {
  readonly loader: MessageLoader
  /** The nodes are up: signatures can be checked. */
  connected(chain: ChainReaders): void
  close(): Promise<void>
}

/**
 * Opens the configured location and the threads that check what it holds, and begins to read and to
 * decrypt, at once: the first load that is asked for is the one that runs already.
 *
 * @param signal - ends all of it
 * @param now - unix ms
 * @throws StartUpError when the location cannot be read as it is set up
 */
export async function openMessageSource(
  { location, password }: Extract<Delivery, { mode: 'message' }>,
  log: Pick<Log, 'info' | 'warn'>,
  signal: AbortSignal,
  now: () => number = Date.now,
): Promise<MessageSource> {
  // The thread that lists the folder begins before those that wait for what it lists.
  const opening = openStore(location, log, signal)
  // What goes wrong is told below.
  opening.catch(() => {})
  const pool = createCryptoPool()
  pool.startEarly()
  const lifetime = new AbortController()
  onAbort(signal, () => lifetime.abort(signal.reason))
  let connected = (_readers: ChainReaders) => {}
  const chain = new Promise<ChainReaders>((resolve) => {
    connected = resolve
  })
  try {
    // Threads start meanwhile.
    const { createMessageLoader } = await import('../messages/loader.ts')
    const store = await opening
    const loader = createMessageLoader({
      store,
      passwords: passwordCandidates(password?.bytes ?? []),
      pool,
      now,
      readRegistry: async (...asked) => (await chain).readRegistry(...asked),
      readKeys: async (...asked) => (await chain).readKeys(...asked),
      readSigningContext: async (end) => (await orAborted(chain, end)).readSigningContext(end),
    })
    const source = {
      loader: startedBy(loader, lifetime.signal),
      connected,
      async close() {
        lifetime.abort(new Error('the daemon stops'))
        await pool.close()
        await store.close()
      },
    }
    await tellImplementation(pool, log, signal)
    return source
  } catch (error) {
    lifetime.abort(error)
    await pool.close()
    void opening.then(
      (store) => store.close(),
      () => {},
    )
    throw error
  }
}

/** The first load begins now. @param lifetime - ends it */
function startedBy(loader: MessageLoader, lifetime: AbortSignal): MessageLoader {
  let running: ReturnType<MessageLoader['load']> | undefined = loader.load(lifetime)
  // What failed before anybody asked is tried again then.
  running.catch(() => {
    running = undefined
  })
  return {
    ...loader,
    load(signal) {
      const first = running
      running = undefined
      return first === undefined ? loader.load(signal) : orAborted(first, signal)
    },
  }
}

async function tellImplementation(
  pool: CryptoPool,
  log: Pick<Log, 'info' | 'warn'>,
  signal: AbortSignal,
): Promise<void> {
  const implementation = await pool.implementation(signal)
  if (implementation === 'blst-native') {
    log.info(`BLS signatures are checked by ${implementation}`)
    return
  }
  log.warn(`BLS signatures are checked by ${implementation}, six to ten times slower than blst`, {
    remedy: 'install the optional package @chainsafe/blst for this platform',
  })
}
