import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** Compiled or not: commands and tests run in the folder of the project. */
const ROOT = process.cwd()

/** What we hold against the code, from the folder of the project. */
export const paths = [
  'README.md',
  'messages/README.md',
  'docker/README.md',
  'docker/RUNBOOK.md',
  'src/README.md',
  'test/README.md',
] as const
export type DocumentPath = (typeof paths)[number]

export const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
export const write = (path: DocumentPath, text: string) => writeFileSync(join(ROOT, path), text)

/** Links of a document that lead nowhere: no such file, or no such heading in it. */
export function brokenLinks(path: string, text: string): readonly string[] {
  const links = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link)
  return links.filter((link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : relative(ROOT, resolve(ROOT, dirname(path), file))
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !anchorsOf(file === '' ? text : read(target)).includes(anchor)
  })
}

const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))

/** As GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, '')
    .replaceAll(' ', '-')
