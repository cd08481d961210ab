import type { ValidatorIndex } from '../lib/primitives.ts'
import type { DecodedEntry, ExitEntry } from './decode.ts'
import type { FileFound } from './file-memory.ts'
import type { MessageRefusal } from './reasons.ts'
import type { LoadedExit, MessageSnapshot, RefusedMessage } from './snapshot.ts'
import type { MessageVerdict } from './verify.ts'

/** An exit of a file, not verified yet. */
export type FoundExit = {
  readonly content: ExitEntry
  readonly file: string
  /** Position within the file, from 0. */
  readonly entry: number
  /** The only entry of its file. */
  readonly isAlone: boolean
  /** Unix ms. */
  readonly modifiedAt: number
}

type Held = LoadedExit & { readonly modifiedAt: number }

/** Collects what one pass finds: files first, then the verdict on each of their exits. */
export function createCollection() {
  const exits = new Map<ValidatorIndex, Held>()
  const unused: Held[] = []
  const refused: RefusedMessage[] = []
  let files = 0
  let pending = 0
  let encrypted = 0
  let opened = 0

  function refuse(
    { code, detail }: MessageRefusal,
    file: string,
    entry?: number,
    validatorIndex?: ValidatorIndex,
  ) {
    refused.push({ code, detail, file, entry, validatorIndex })
  }

  return {
    /** @returns what is to be verified of it */
    addFile(file: FileFound): readonly FoundExit[] {
      const { name, modifiedAt, entries, fault, isPending, isEncrypted } = file
      files += 1
      if (isPending) pending += 1
      if (isEncrypted) encrypted += 1
      if (isEncrypted && !entries.some(isClosed)) opened += 1
      if (fault !== undefined) refuse(fault, name)
      const isAlone = entries.length === 1
      return entries.flatMap((content, entry) => {
        if (content.kind === 'exit') return [{ content, file: name, entry, isAlone, modifiedAt }]
        refuse(content.refusal, name, isAlone ? undefined : entry)
        return []
      })
    },

    addVerdict(
      { content, file, entry, isAlone, modifiedAt }: FoundExit,
      verdict: MessageVerdict,
    ): void {
      const { validatorIndex } = content.exit
      if (!verdict.ok) {
        refuse(verdict.refusal, file, isAlone ? undefined : entry, validatorIndex)
        return
      }
      const found: Held = { exit: verdict.exit, used: verdict.used, file, entry, modifiedAt }
      const held = exits.get(validatorIndex)
      const isBetter = held === undefined || isPreferred(found, held)
      if (isBetter) exits.set(validatorIndex, found)
      if (held !== undefined) unused.push(isBetter ? held : found)
    },

    finish: (passedOver: readonly string[], readAt: number): MessageSnapshot => ({
      exits,
      refused: refused.sort(byPlace),
      superseded: unused.map(({ exit: { validatorIndex }, file, entry }) => ({
        validatorIndex,
        file,
        entry,
        by: exits.get(validatorIndex)?.file ?? file,
      })),
      files,
      pending,
      isPasswordUseless: encrypted > 0 && opened === 0,
      passedOver,
      readAt,
    }),
  }
}

/**
 * Of two valid messages the one of the earlier epoch counts, since it can be used first, whatever
 * clocks and nodes say of the epoch now; then that of the newer file; then the later one.
 */
function isPreferred(a: Held, b: Held): boolean {
  if (a.exit.epoch !== b.exit.epoch) return a.exit.epoch < b.exit.epoch
  if (a.modifiedAt !== b.modifiedAt) return a.modifiedAt > b.modifiedAt
  if (a.file !== b.file) return a.file > b.file
  return a.entry > b.entry
}

const isClosed = (entry: DecodedEntry) =>
  entry.kind === 'refused' && entry.refusal.code === 'wrong-password'

function byPlace(a: RefusedMessage, b: RefusedMessage): number {
  const [aIsKey, bIsKey] = [a.code === 'keystore', b.code === 'keystore']
  if (aIsKey !== bIsKey) return aIsKey ? -1 : 1
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return (a.entry ?? -1) - (b.entry ?? -1)
}
