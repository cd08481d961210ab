import { stat } from 'node:fs/promises'

/**
 * True while the operator's stop is there. When that cannot be told, it counts as there: an exit
 * cannot be undone, a stop is said aloud at every cycle.
 */
export async function isHeld(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}
