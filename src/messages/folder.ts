import { sep } from 'node:path'
import { yieldIfDue } from '../lib/event-loop.ts'
import {
  createFiles,
  type FileContent,
  FileError,
  type Files,
  type Scan,
  textsOf,
} from '../lib/files.ts'
import {
  type Listing,
  MAX_FILE_BYTES,
  MESSAGE_NAMES,
  type MessageStore,
  type StoredContent,
  type StoreEntry,
  StoreError,
} from './message-store.ts'

/**
 * The files directly in one folder. Symbolic links are followed, as secrets in containers are
 * links; what is not a regular file is named, and never opened in a way that waits.
 *
 * @param path - of the folder
 */
export function createFolderStore(
  path: string,
  files: Files = createFiles(MAX_FILE_BYTES),
): MessageStore {
  return {
    name: path,

    async list(signal) {
      try {
        return await files.scan({ folder: path, names: MESSAGE_NAMES, make: listingOf }, signal)
      } catch (error) {
        if (error instanceof FileError) throw folderError(path, error)
        throw error
      }
    },

    async read({ name }, signal) {
      return toStored(await files.read(path + sep + name, signal))
    },

    close: () => files.close(),
  }
}

async function listingOf(scan: Scan): Promise<Listing> {
  const versions = textsOf(scan.versions)
  const entries: StoreEntry[] = []
  for (const name of textsOf(scan.names)) {
    entries.push(entryOf(scan, entries.length, name, versions.next().value ?? ''))
    const turn = yieldIfDue()
    if (turn !== undefined) await turn
  }
  return { entries, passedOver: scan.passedOver }
}

function entryOf(scan: Scan, i: number, name: string, version: string): StoreEntry {
  const fault = scan.faults.get(i)
  if (fault !== undefined && fault.kind !== 'gone') {
    return { name, fault: { code: fault.kind, detail: fault.detail } }
  }
  const size = scan.sizes[i] ?? 0
  if (size > MAX_FILE_BYTES) return { name, fault: { code: 'too-large', detail: `${size} bytes` } }
  return {
    name,
    version,
    modifiedAt: scan.modifiedAt[i] ?? 0,
    changedAt: scan.changedAt[i] ?? 0,
    size,
  }
}

function toStored(content: FileContent): StoredContent {
  if (content instanceof Uint8Array) return { kind: 'content', bytes: content }
  const { kind, detail } = content
  return kind === 'gone' ? { kind } : { kind: 'fault', fault: { code: kind, detail } }
}

function folderError(path: string, cause: FileError): StoreError {
  return new StoreError(`read messages folder ${path}: ${remedyOf(cause)}`, { cause })
}

function remedyOf({ code, message }: FileError): string {
  switch (code) {
    case 'ENOENT':
      return 'it does not exist. Create or mount it, or correct MESSAGES_LOCATION'
    case 'ENOTDIR':
      return 'it is not a folder. Set MESSAGES_LOCATION to the folder that holds the messages'
    case 'EACCES':
    case 'EPERM':
      return `permission denied (${message}). Let the user that the daemon runs as read it`
    default:
      return code
  }
}
