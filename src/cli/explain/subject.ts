import {
  type Pubkey,
  parsePubkey,
  parseValidatorIndex,
  type ValidatorIndex,
} from '../../lib/primitives.ts'

/** Whom a story is about: by one name or both. */
export type Subject = {
  readonly index: ValidatorIndex | undefined
  readonly pubkey: Pubkey | undefined
}

/** Reads an index, or a public key of 48 bytes in any letter case; `undefined` for anything else. */
export function parseSubject(text: string): Subject | undefined {
  const [index, pubkey] = [parseValidatorIndex(text), parsePubkey(text)]
  return index === undefined && pubkey === undefined ? undefined : { index, pubkey }
}

/** Whether something that names both is about the subject, by either name. */
export const isAbout = (
  subject: Subject,
  named: { readonly validatorIndex: ValidatorIndex; readonly pubkey: Pubkey },
): boolean => named.validatorIndex === subject.index || named.pubkey === subject.pubkey
