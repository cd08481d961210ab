import { messageReasons, remedyOf } from '../messages/reasons.ts'
import type { MessageSnapshot, RefusedMessage } from '../messages/snapshot.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Log } from '../requests/cycle-parts.ts'

/** Rejections of one load that get a line each; the metric counts them all. */
const MAX_REJECTION_LINES = 50
/** Names in one line. */
const MAX_NAMES = 20

/**
 * Tells the log and the metrics what a load found: what changed once, an emptied location each time.
 *
 * @param clock - milliseconds that only go forward
 */
export function createLoadReport(
  log: Log,
  metrics: Pick<Metrics, 'setMessages' | 'setMessagesLeft' | 'setLoadProgress'>,
  clock: () => number,
) {
  const tellRejections = createRejectionLines(log)
  const tellPassedOver = createPassedOverLine(log)
  let toldCounts = ''
  let isPasswordTold = false

  return {
    /** After each pass. @param startedAt - of the load, by `clock` */
    progress({ files, pending, exits, refused }: MessageSnapshot, startedAt: number): void {
      const done = files - pending
      const perFile = done === 0 ? undefined : (clock() - startedAt) / done / 1_000
      const secondsLeft = perFile === undefined ? undefined : Math.ceil(perFile * pending)
      const counts = { files, done, valid: exits.size, refused: refused.length }
      metrics.setLoadProgress({ ...counts, secondsLeft })
      metrics.setMessages(exits.size, refused.length)
      if (pending === 0) return
      const details = { read: done, of: files, valid: exits.size, rejected: refused.length }
      log.info('messages are being loaded', { ...details, secondsRemaining: secondsLeft })
    },

    /** At the end of a load. */
    loaded(snapshot: MessageSnapshot | undefined): void {
      if (snapshot === undefined) return
      const { files, exits, refused } = snapshot
      const used = [...exits.values()].filter((held) => held.used).length
      metrics.setMessagesLeft(exits.size - used, used)
      tellRejections(refused)
      tellPassedOver(snapshot.passedOver)
      const rejected = refused.length
      const counts = { files, valid: exits.size, remaining: exits.size - used, used, rejected }
      if (JSON.stringify(counts) !== toldCounts) log.info('messages loaded', counts)
      toldCounts = JSON.stringify(counts)
      if (snapshot.isPasswordUseless && !isPasswordTold) {
        log.warn(
          'messages: the password opens no encrypted file. Check MESSAGES_PASSWORD or MESSAGES_PASSWORD_FILE: in .env a password with # or spaces needs quotes around it, or it is cut there',
        )
      }
      isPasswordTold = snapshot.isPasswordUseless
      if (files === 0) {
        log.error('messages location holds no .json file: no exit can be submitted')
      }
    },
  }
}

function createRejectionLines(log: Log) {
  let told = new Set<string>()
  return (refused: readonly RefusedMessage[]): void => {
    const all = new Map(refused.map((one) => [JSON.stringify(one), one]))
    const fresh = [...all].flatMap(([id, one]) => (told.has(id) ? [] : [one]))
    for (const one of fresh.slice(0, MAX_REJECTION_LINES)) tellRejection(log, one)
    if (fresh.length > MAX_REJECTION_LINES) {
      const more = fresh.length - MAX_REJECTION_LINES
      log.warn(`messages rejected: ${more} more. \`check --json\` lists all of them`)
    }
    told = new Set(all.keys())
  }
}

function tellRejection(log: Log, { file, entry, code, detail, validatorIndex }: RefusedMessage) {
  // Key material in the messages folder is the one that cannot wait.
  const level = code === 'keystore' ? 'error' : 'warn'
  const where = entry === undefined ? file : `${file}, entry ${entry}`
  const what = `${messageReasons[code].short}${detail === '' ? '' : ` (${detail})`}`
  log[level](`message rejected: ${where}: ${what}. ${remedyOf(code)}`, {
    file,
    ...(entry === undefined ? {} : { entry }),
    reason: code,
    ...(validatorIndex === undefined ? {} : { validator: validatorIndex }),
  })
}

function createPassedOverLine(log: Log) {
  let told = ''
  return (passedOver: readonly string[]): void => {
    const names = JSON.stringify(passedOver)
    if (passedOver.length > 0 && names !== told) {
      const shown = passedOver.slice(0, MAX_NAMES).join(', ')
      const more = passedOver.length > MAX_NAMES ? ', …' : ''
      log.warn(
        `messages location: ${passedOver.length} not read, since only files directly in it whose name ends in .json are: ${shown}${more}. If they are messages, rename them or move them up`,
        { count: passedOver.length },
      )
    }
    told = names
  }
}
