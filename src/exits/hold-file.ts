import { dirname } from 'node:path'
import { createFiles, FileError, type Files, openSmallFile } from '../lib/files.ts'

export type Hold = {
  readonly isHeld: boolean
  /** What somebody has to correct: the stop would not work, or cannot be told. */
  readonly problem: string | undefined
}

/**
 * Looks for the operator's stop. When that cannot be told, it counts as there: an exit cannot be
 * undone, a stop is said aloud at every cycle. In a folder that does not exist it is not there, and
 * nobody could put it there: that is told.
 *
 * @param path - HOLD_FILE
 */
export function createHoldLook(
  path: string,
  timeoutMs?: number,
  files: Files = createFiles(0),
): () => Promise<Hold> {
  const file = openSmallFile(path, timeoutMs, files)
  const folder = openSmallFile(dirname(path), timeoutMs, files)

  return async function look() {
    const code = await codeOf(file.stat())
    if (code === undefined) return { isHeld: true, problem: undefined }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      const problem = `HOLD_FILE ${path} cannot be looked at (${code}): it counts as there. Correct its permissions or its mount`
      return { isHeld: true, problem }
    }
    if ((await codeOf(folder.stat())) === undefined) return { isHeld: false, problem: undefined }
    const problem = `HOLD_FILE ${path}: its folder does not exist, so that the file cannot be made when it is needed. Create or mount ${dirname(path)}, or correct HOLD_FILE`
    return { isHeld: false, problem }
  }
}

/** One look. */
export const isHeld = async (path: string): Promise<boolean> =>
  (await createHoldLook(path)()).isHeld

/** @returns undefined when it is there */
async function codeOf(stat: Promise<void>): Promise<string | undefined> {
  try {
    await stat
    return undefined
  } catch (error) {
    return error instanceof FileError ? error.code : 'unknown error'
  }
}
