import { randomUUID } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, openSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../../config.ts'
import { checkPlace } from '../../journal/inspect.ts'
import { holderOf } from '../../journal/lock.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { JournalReading } from '../journal.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const [ID, TITLE] = ['journal', 'STATE_FILE']

/**
 * Can the daemon write its state file? Nothing is left behind.
 *
 * @param reading - what the file holds, if it could be read
 */
export function checkJournal(
  { stateFile, delivery }: Pick<Config, 'stateFile' | 'delivery'>,
  reading: JournalReading,
): Finding {
  if (stateFile === undefined) {
    const detail = 'not set: a restart reads BLOCKS_PRELOAD blocks again'
    if (delivery.mode === 'message') return ok(ID, TITLE, detail)
    const remedy = 'set STATE_FILE, so that a restart does not call the webhook again'
    return warning({ id: ID, title: TITLE, detail, remedy })
  }
  const path = resolve(stateFile)
  try {
    checkPlace(path)
    const holder = holderOf(path)
    if (holder !== undefined) return ok(ID, TITLE, `in use by a running daemon (${holder})`)
    tryToWrite(path)
  } catch (error) {
    const detail = `cannot be written: ${messageOf(error)}`
    const remedy = `let the user of the daemon write in ${dirname(path)}`
    return failure({ id: ID, title: TITLE, detail, remedy })
  }
  if (reading.found !== 'unreadable' || !existsSync(path)) {
    const count = reading.facts.requests.size
    const detail = existsSync(path) ? `writable, ${count} requests in it` : 'can be written'
    return ok(ID, TITLE, detail)
  }
  const remedy = 'nothing, if this is expected: the daemon sets it aside, and reads the chain again'
  const detail = `${reading.problem}`.replace(/^STATE_FILE /, '')
  return warning({ id: ID, title: TITLE, detail, remedy })
}

/** As the daemon's user, hopefully: whoever runs this. */
function tryToWrite(path: string): void {
  if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
  const probe = join(dirname(path), `.check-${randomUUID()}`)
  try {
    closeSync(openSync(probe, 'wx', 0o600))
  } finally {
    rmSync(probe, { force: true })
  }
}
