import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../lib/message-of.ts'

/** There is something of that name, and it stays as it is. */
export class AlreadyThereError extends Error {
  override readonly name = 'AlreadyThereError'
}

/** What file systems without hard links (FAT, some network mounts) answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK']

export type NewFile = {
  readonly name: string
  readonly content: string
  /** Of two messages of one epoch the daemon takes the newer file's: their order has to survive. */
  readonly modifiedAt: Date
}

/**
 * Writes a file that nobody ever sees incomplete: beside its place first, on disk, read back and
 * checked, and only then under its name. Mode 0600. What was there before is never replaced.
 *
 * @param check - judges what was read back; throws to have it thrown away
 * @param linkFile - test seam
 * @throws AlreadyThereError, what `check` throws, and errors of the file system
 */
export async function publish(
  folder: string,
  { name, content, modifiedAt }: NewFile,
  check: (written: Uint8Array) => Promise<void>,
  linkFile: typeof link = link,
): Promise<void> {
  // Not .json: a daemon that reads this folder does not look at it.
  const draft = join(folder, `.draft-${randomUUID()}.tmp`)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.chmod(0o600)
      await file.utimes(modifiedAt, modifiedAt)
      await file.sync()
    } finally {
      await file.close()
    }
    await check(await readFile(draft))
    await giveName(draft, join(folder, name), linkFile)
  } finally {
    await rm(draft, { force: true })
  }
}

/** Creates the folder, for its owner alone, unless it is there. @throws errors of the file system */
export const prepareFolder = (folder: string) => mkdir(folder, { recursive: true, mode: 0o700 })

/** Makes the names given so far outlive a power cut, where the file system knows how. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/** A rename replaces what is there, a link does not. */
async function giveName(draft: string, path: string, linkFile: typeof link): Promise<void> {
  try {
    await linkFile(draft, path)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') throw new AlreadyThereError(path)
    if (!NO_LINKS.includes(code)) throw error
    await claimName(path)
    await rename(draft, path).catch(async (cause: unknown) => {
      await rm(path, { force: true })
      throw cause
    })
  }
}

/** Where there are no links: an empty file of our own is what the rename replaces. */
async function claimName(path: string): Promise<void> {
  try {
    const claim = await open(path, 'wx', 0o600)
    await claim.close()
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new AlreadyThereError(path)
    throw error
  }
}
