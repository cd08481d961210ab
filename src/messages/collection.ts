import type { Epoch, ValidatorIndex } from '../lib/primitives.ts'
import type { FileFound } from './contents.ts'
import type { ExitEntry } from './decode.ts'
import type { VerifyResult } from './exit-message.ts'
import type { MessageRefusal } from './reasons.ts'
import type { LoadedExit, LoadProgress, RefusedMessage, SupersededMessage } from './snapshot.ts'

/** Where an exit stands, and how new its file is. */
export type Place = {
  readonly file: string
  /** Position within the file, from 0. */
  readonly entry: number
  /** The only entry of its file. */
  readonly alone: boolean
  /** Unix ms. */
  readonly modifiedAt: number
  readonly validatorIndex: ValidatorIndex
}

type Held = LoadedExit & { readonly modifiedAt: number }

/**
 * Gathers what one load finds: files first, then the judgement on each of their exits.
 *
 * @param reachedEpoch - the epoch of now, where it is known
 */
export function createCollection(reachedEpoch: () => Epoch | undefined) {
  const exits = new Map<ValidatorIndex, Held>()
  const refused: RefusedMessage[] = []
  const superseded: SupersededMessage[] = []
  /** Exits still to be judged, by file. */
  const open = new Map<string, number>()
  /** After a round that broke off, some come twice. */
  const judged = new WeakSet<Place>()
  let files = 0

  function refuse(
    { code, detail }: MessageRefusal,
    file: string,
    entry?: number,
    validatorIndex?: ValidatorIndex,
  ) {
    refused.push({ code, detail, file, entry, validatorIndex })
  }

  return {
    exits,
    superseded,
    /** In the order of files and entries. */
    refused: () => refused.toSorted(byPlace),
    files: () => files,

    /** Takes a file in, and returns what is to be judged of it. */
    takeIn({ name, modifiedAt, entries, fault }: FileFound): (readonly [Place, ExitEntry])[] {
      files += 1
      if (fault !== undefined) refuse(fault, name)
      const toJudge: (readonly [Place, ExitEntry])[] = []
      const alone = entries.length === 1
      entries.forEach((content, entry) => {
        if (content.kind === 'refused') {
          refuse(content.refusal, name, alone ? undefined : entry)
        } else {
          const { validatorIndex } = content.exit
          toJudge.push([{ file: name, entry, alone, modifiedAt, validatorIndex }, content])
        }
      })
      if (toJudge.length > 0) open.set(name, toJudge.length)
      return toJudge
    },

    add(place: Place, result: VerifyResult, used: boolean): void {
      if (judged.has(place)) return
      judged.add(place)
      const { file, entry, alone, modifiedAt, validatorIndex } = place
      const left = (open.get(file) ?? 1) - 1
      if (left === 0) open.delete(file)
      else open.set(file, left)
      if (!result.ok) {
        refuse(result.refusal, file, alone ? undefined : entry, validatorIndex)
        return
      }
      const found: Held = { exit: result.exit, used, file, entry, modifiedAt }
      const held = exits.get(validatorIndex)
      const [winner, loser] =
        held === undefined || isBetter(found, held, reachedEpoch()) ? [found, held] : [held, found]
      exits.set(validatorIndex, winner)
      if (loser !== undefined) {
        superseded.push({ validatorIndex, file: loser.file, entry: loser.entry, by: winner.file })
      }
    },

    /** @param total - files that were listed */
    progress: (total: number): LoadProgress => ({
      files: total,
      done: files - open.size,
      valid: exits.size,
      refused: refused.length,
    }),
  }
}

/**
 * Of two valid messages the newer file's counts, unless it cannot be used yet and the other one can
 * sooner.
 */
function isBetter(found: Held, held: Held, reached: Epoch | undefined): boolean {
  const isNewer = comesLater(found, held)
  const newer = isNewer ? found : held
  const older = isNewer ? held : found
  const isTooEarly = reached !== undefined && newer.exit.epoch > reached
  return isTooEarly && older.exit.epoch < newer.exit.epoch ? !isNewer : isNewer
}

/** In one file, or at one time, the later one is the newer. */
function comesLater(found: Held, held: Held): boolean {
  if (found.modifiedAt !== held.modifiedAt) return found.modifiedAt > held.modifiedAt
  if (found.file !== held.file) return found.file > held.file
  return found.entry > held.entry
}

/** Judging ends in any order; people read files in theirs. */
function byPlace(a: RefusedMessage, b: RefusedMessage): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return (a.entry ?? -1) - (b.entry ?? -1)
}
