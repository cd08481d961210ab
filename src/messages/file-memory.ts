import { yieldIfDue } from '../lib/event-loop.ts'
import type { DecodedEntry } from './decode.ts'
import type { Listing, StoredFile, StoreFault } from './message-store.ts'

/** One file as this pass found it. */
export type FileFound = {
  readonly name: string
  /** Unix ms; of the content, when that stems from an earlier pass. */
  readonly modifiedAt: number
  readonly entries: readonly DecodedEntry[]
  readonly fault?: StoreFault
  /** Holds at least one EIP-2335 envelope. */
  readonly isEncrypted?: true
  /** The pass was over before it could be read: what was read from it before stays in use. */
  readonly isPending?: true
}

/** One object for each of thousands of files. */
type Known = FileFound & {
  readonly version: string
  /** The version can be trusted: the clock had moved on since the last change. */
  readonly settled: boolean
  readonly hash: string
}
/** Coarsest time stamp of a file system that is in use (FAT), ms. */
const TIMESTAMP_STEP_MS = 2_000
/**
 * What was read and decrypted, from load to load: by the version of the file, and by the hash of the
 * content, whatever its file is called now. What is no longer listed is forgotten.
 *
 * @param now - unix ms
 */
export function createFileMemory(now: () => number) {
  const files = new Map<string, Known>()
  /** By the hash of the content, as it is in the file. */
  const decoded = new Map<string, readonly DecodedEntry[]>()
  const encrypted = new Set<string>()
  /** What failed is tried again by the next load, not by each pass of this one. */
  const failures = new Map<string, { readonly version: string; readonly found: FileFound }>()

  async function forgetAllBut({ entries }: Listing): Promise<void> {
    const names = new Set<string>()
    for (const { name } of entries) {
      names.add(name)
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
    const hashes = new Set<string>()
    for (const [name, { hash }] of files) {
      if (names.has(name)) hashes.add(hash)
      else files.delete(name)
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
    for (const hash of decoded.keys()) {
      if (!hashes.has(hash)) {
        decoded.delete(hash)
        encrypted.delete(hash)
      }
      const turn = yieldIfDue()
      if (turn !== undefined) await turn
    }
  }

  return {
    decodedAs: (hash: string) => decoded.get(hash),

    /** What an earlier pass found in this version of the file; `undefined`: it is to be read. */
    same({ name, version }: StoredFile): FileFound | undefined {
      const known = files.get(name)
      if (known?.settled && known.version === version) return known
      const failure = failures.get(name)
      return failure?.version === version ? failure.found : undefined
    },

    /** What an earlier pass found in any version of it. */
    before: ({ name }: StoredFile): FileFound =>
      files.get(name) ?? { name, modifiedAt: 0, entries: [] },

    remember(
      { name, version, modifiedAt, changedAt }: StoredFile,
      hash: string,
      found: readonly DecodedEntry[],
      wasSealed: boolean,
    ): FileFound {
      // A list that grew has room for sixteen more, and stays as long as the file. A copy has none.
      const entries = decoded.get(hash) ?? found.slice()
      const settled = Math.abs(now() - changedAt) > TIMESTAMP_STEP_MS
      const isEncrypted = wasSealed || encrypted.has(hash)
      if (isEncrypted) encrypted.add(hash)
      const plain = { name, modifiedAt, entries, version, settled, hash }
      const known: Known = isEncrypted ? { ...plain, isEncrypted } : plain
      decoded.set(hash, entries)
      files.set(name, known)
      return known
    },

    faulty(name: string, fault: StoreFault): FileFound {
      const known = files.get(name)
      // What cannot be read just now may still be in use; what is another thing now is not.
      if (fault.code === 'unreadable' && known !== undefined) return { ...known, fault }
      files.delete(name)
      return { name, modifiedAt: 0, entries: [], fault }
    },

    failed({ name, version }: StoredFile, found: FileFound): FileFound {
      failures.set(name, { version, found })
      return found
    },

    /** @param isWhole - nothing is pending: what failed is tried again by the next pass */
    async endPass(listing: Listing, isWhole: boolean): Promise<void> {
      await forgetAllBut(listing)
      if (isWhole) failures.clear()
    },

    /** True when this listing would lead to the same again: nothing is to be tried anew. */
    isSettled: ({ entries }: Listing): boolean =>
      entries.every((entry) => {
        const known = files.get(entry.name)
        return known?.settled === true && 'version' in entry && known.version === entry.version
      }),
  }
}
