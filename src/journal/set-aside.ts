import { existsSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { inspect } from './inspect.ts'
import type { Identity } from './tables.ts'

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
  rename(file, aside)
  return aside
}

/**
 * Puts the latest file that was set aside here, and is an intact journal of this identity, into
 * the place of one that has just been set aside itself.
 *
 * @returns where it was; `undefined` where there is none
 * @throws when it cannot be renamed
 */
export function takeBack(file: string, identity: Identity): string | undefined {
  const folder = dirname(file)
  const aside = readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(file)}.aside-`))
    .filter((name) => !COMPANIONS.some((companion) => name.endsWith(companion)))
    .toSorted()
    .map((name) => join(folder, name))
    .findLast((path) => fits(path, identity))
  if (aside !== undefined) rename(aside, file)
  return aside
}

/** What cannot be looked into does not fit. */
function fits(path: string, identity: Identity): boolean {
  try {
    return inspect(path, identity).kind === 'journal'
  } catch {
    return false
  }
}

function rename(from: string, to: string): void {
  renameSync(from, to)
  for (const companion of COMPANIONS) {
    if (existsSync(from + companion)) renameSync(from + companion, to + companion)
  }
}
