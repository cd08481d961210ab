import type { MessagesLocation } from '../config/locations.ts'
import { type CryptoPool, createCryptoPool } from '../lib/crypto-pool.ts'
import type { MessageStore } from '../messages/message-store.ts'
import type { Log } from '../requests/cycle-parts.ts'
import { openStore } from './open-store.ts'

/** Where messages come from, and what checks them. */
export type MessageSource = { readonly store: MessageStore; readonly pool: CryptoPool }

/**
 * Opens the configured location and the threads that check what it holds, at once.
 *
 * @throws StartUpError when the location cannot be read as it is set up
 */
export async function openMessageSource(
  location: MessagesLocation,
  log: Pick<Log, 'info' | 'warn'>,
  signal: AbortSignal,
): Promise<MessageSource> {
  const pool = createCryptoPool()
  pool.startEarly()
  const opening = openStore(location, log, signal)
  try {
    const [store] = await Promise.all([opening, tellImplementation(pool, log, signal)])
    return { store, pool }
  } catch (error) {
    await pool.close()
    void opening.then(
      (store) => store.close(),
      () => {},
    )
    throw error
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
