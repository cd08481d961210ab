import { existsSync, renameSync } from 'node:fs'

/** What SQLite keeps beside a database. It finds them by their names. */
const COMPANIONS = ['-wal', '-shm', '-journal']

/**
 * Renames a database with its companions, so that it can still be looked into.
 *
 * @param now - unix ms
 * @returns the new path, beside the old one
 * @throws when it cannot be renamed
 */
export function setAside(file: string, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(':', '-')
  let aside = `${file}.aside-${stamp}`
  for (let number = 2; existsSync(aside); number += 1) {
    aside = `${file}.aside-${stamp}-${number}`
  }
  renameSync(file, aside)
  for (const companion of COMPANIONS) {
    if (existsSync(file + companion)) renameSync(file + companion, aside + companion)
  }
  return aside
}
