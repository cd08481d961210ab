import { randomUUID } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, openSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describeSkew } from '../../app/clock.ts'
import type { Config } from '../../config.ts'
import { createHoldLook } from '../../exits/hold-file.ts'
import { checkPlace } from '../../journal/inspect.ts'
import { holderOf } from '../../journal/lock.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { JournalReading } from '../gather/read-journal.ts'
import { type Finding, failure, ok, splitRemedy, warning } from './finding.ts'

/** Execution clients reject a JWT whose `iat` is further off, seconds (Engine API authentication). */
const JWT_TOLERANCE_S = 60

/** @param skew - seconds that this clock is ahead of the nodes'; `undefined`: no node told its time */
export function tellClock(
  skew: number | undefined,
  { jwtSecretPath }: Pick<Config, 'jwtSecretPath'>,
): readonly Finding[] {
  if (skew === undefined) return []
  const [id, title] = ['clock', 'clock']
  const detail = describeSkew(skew)
  if (detail === undefined) return [ok(id, title, 'agrees with the nodes')]
  const remedy = 'let NTP set the clock of this machine'
  return jwtSecretPath !== undefined && Math.abs(skew) >= JWT_TOLERANCE_S
    ? [failure({ id, title, detail: `${detail}: they reject JWT tokens`, remedy })]
    : [warning({ id, title, detail, remedy })]
}

/** What keeps the daemon from submitting, on purpose. */
export async function checkStops({
  dryRun,
  holdFile,
}: Pick<Config, 'dryRun' | 'holdFile'>): Promise<readonly Finding[]> {
  const rehearsal = failure({
    id: 'dry-run',
    title: 'DRY_RUN',
    detail: 'is on: the daemon submits nothing',
    remedy: 'remove it to go live',
  })
  const stop = holdFile === undefined ? [] : await checkHoldFile(holdFile)
  return [...(dryRun ? [rehearsal] : []), ...stop]
}

async function checkHoldFile(holdFile: string): Promise<readonly Finding[]> {
  const told = { id: 'hold', title: 'HOLD_FILE' }
  const { isHeld, problem } = await createHoldLook(holdFile)()
  if (problem !== undefined) {
    const finding = { ...told, ...splitRemedy(problem.replace(/^HOLD_FILE /, '')) }
    return [isHeld ? failure(finding) : warning(finding)]
  }
  if (!isHeld) return []
  const detail = `${holdFile} exists: the daemon submits nothing`
  return [failure({ ...told, detail, remedy: 'remove that file to let it go on' })]
}

const [STATE_ID, STATE_FILE] = ['journal', 'STATE_FILE']

/**
 * Can the daemon write its state file? Nothing is left behind.
 *
 * @param reading - what the file holds, if it could be read
 */
export function checkStateFile(
  { stateFile, delivery }: Pick<Config, 'stateFile' | 'delivery'>,
  reading: JournalReading,
): Finding {
  const told = { id: STATE_ID, title: STATE_FILE }
  if (stateFile === undefined) {
    const detail = 'not set: a restart reads BLOCKS_PRELOAD blocks again'
    if (delivery.mode === 'message') return ok(STATE_ID, STATE_FILE, detail)
    const remedy = 'set STATE_FILE, so that a restart does not call the webhook again'
    return warning({ ...told, detail, remedy })
  }
  const path = resolve(stateFile)
  try {
    checkPlace(path)
  } catch (error) {
    const remedy = 'set STATE_FILE to a file in a folder that exists, and keep that folder'
    return failure({ ...told, detail: `cannot be used: ${messageOf(error)}`, remedy })
  }
  try {
    const holder = holderOf(path)
    if (holder !== undefined) {
      return ok(STATE_ID, STATE_FILE, `in use by a running daemon (${holder})`)
    }
    tryToWrite(path)
  } catch (error) {
    const remedy = `let the user of the daemon write in ${dirname(path)}`
    return failure({ ...told, detail: `cannot be written: ${messageOf(error)}`, remedy })
  }
  if (reading.found === 'unreadable' && existsSync(path)) {
    const detail = `${reading.problem}`.replace(/^STATE_FILE /, '')
    const remedy = 'nothing, if you expect this: the daemon sets the file aside and begins anew'
    return warning({ ...told, detail, remedy })
  }
  const count = reading.facts.requests.size
  const detail = existsSync(path) ? `writable, ${count} requests in it` : 'can be written'
  return ok(STATE_ID, STATE_FILE, detail)
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
