import type { NamePatterns } from '../lib/files.ts'

/**
 * Names of message files: `.json` at the end, in any letter case. Hidden files are none (`._a.json`
 * of macOS, `.#a.json` of an editor). What has `json` in its suffixes (`a.json.txt`, `a.jsonl`) may
 * have been meant.
 */
export const MESSAGE_NAMES: NamePatterns = {
  wanted: '^[^.].*\\.json$',
  noticed: '^[^.].*\\.[a-z0-9]*json',
}
