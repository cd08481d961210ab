import { mapTexts } from '../lib/map-texts.ts'

/** Names of files and words of nodes may hold what drives a terminal, or reorders text. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** The same value with every text in it made fit for a terminal. */
export const cleanTexts = <Value>(value: Value): Value =>
  mapTexts(value, (text) => text.replace(UNSAFE, '\ufffd'))
