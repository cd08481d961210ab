import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs'
import { sep } from 'node:path'
import { parentPort } from 'node:worker_threads'
import type { NamePatterns } from './files.ts'
import { codeOf } from './message-of.ts'
import { keepNurserySmall } from './v8-flags.ts'

/** What is asked of the file thread. */
export type FileJob =
  | { readonly kind: 'scan'; readonly folder: string; readonly names: NamePatterns }
  | { readonly kind: 'read'; readonly paths: readonly string[]; readonly maxBytes: number }
  | { readonly kind: 'stat'; readonly path: string }

export type FileRequest = { readonly id: number; readonly job: FileJob }

export type FileAnswer = { readonly id: number } & (
  | { readonly kind: 'scanned'; readonly found: Scan }
  /** Nothing differs from the last answer about that folder. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'read'; readonly contents: readonly FileContent[] }
  | { readonly kind: 'there' }
  | { readonly kind: 'failed'; readonly code: string; readonly detail: string }
)

/** Column by column, since that is cheap to hand from thread to thread. */
export type Scan = {
  /** Joined by slashes, which none of them holds: one long text is handed over at once. */
  readonly names: string
  /** As the names. Changes whenever the content may have: size, mtime, ctime (nanoseconds) and inode. */
  readonly versions: string
  /** Bytes. */
  readonly sizes: Float64Array
  /** Unix ms. */
  readonly modifiedAt: Float64Array
  /** Unix ms of the last change to content or attributes. */
  readonly changedAt: Float64Array
  /** What is not a readable file, by position. */
  readonly faults: ReadonlyMap<number, FileFault>
  /** Names that are noticed but not listed; a folder with the number of files in it. */
  readonly passedOver: readonly string[]
}

export type FileFault = {
  /** `unreadable`: it may be readable next time. `gone`: it is not there any more. */
  readonly kind: 'not-a-file' | 'dangling-link' | 'unreadable' | 'too-large' | 'gone'
  /** The system's, for example `EACCES`, where it was the system that said no. */
  readonly code: string
  readonly detail: string
}

export type FileContent = Uint8Array | FileFault

const LARGE_BYTES = 64 * 1024
/** Folders in one folder that are looked into for files that were meant. */
const MOST_FOLDERS = 100

/**
 * Entry of the file thread. It works synchronously: for thousands of small files that takes a
 * tenth of the time that promises take, and a mount that hangs stops nobody else here.
 */
if (parentPort !== null) {
  const port = parentPort
  keepNurserySmall()
  port.on('message', (request: FileRequest) => {
    const answer = run(request)
    port.postMessage(answer, largeBuffersOf(answer))
  })
}

/** Handed over instead of copied. Small ones are copied faster. */
function largeBuffersOf(answer: FileAnswer): ArrayBuffer[] {
  if (answer.kind !== 'read') return []
  return answer.contents.flatMap((content) =>
    content instanceof Uint8Array && content.length > LARGE_BYTES
      ? [content.buffer as ArrayBuffer]
      : [],
  )
}

/** What the last answer about each folder held, in short; there is one, or a few. */
const digests = new Map<string, string>()

function run({ id, job }: FileRequest): FileAnswer {
  try {
    switch (job.kind) {
      case 'read':
        return { id, kind: 'read', contents: job.paths.map((path) => read(path, job.maxBytes)) }
      case 'stat':
        statSync(job.path)
        return { id, kind: 'there' }
      case 'scan': {
        const found = scan(job.folder, job.names)
        const last = digests.get(job.folder)
        const digest = digestOf(found)
        digests.set(job.folder, digest)
        // Versions hold all there is to know; whatever is no file is told again each time.
        return last === digest && found.faults.size === 0
          ? { id, kind: 'unchanged' }
          : { id, kind: 'scanned', found }
      }
    }
  } catch (error) {
    const code = codeOf(error)
    return { id, kind: 'failed', code, detail: explain(code, pathOf(job)) }
  }
}

const pathOf = (job: FileJob) =>
  job.kind === 'scan' ? job.folder : job.kind === 'stat' ? job.path : ''

function scan(folder: string, patterns: NamePatterns): Scan {
  const wanted = new RegExp(patterns.wanted, 'is')
  const names: string[] = []
  const versions: string[] = []
  const sizes: number[] = []
  const modifiedAt: number[] = []
  const changedAt: number[] = []
  const faults = new Map<number, FileFault>()
  const entries = readdirSync(folder, { withFileTypes: true })
  for (const { name } of entries) {
    if (!wanted.test(name)) continue
    // Joining paths by the book costs a third of the look itself.
    const stats = look(`${folder}${sep}${name}`)
    if ('kind' in stats && stats.kind === 'gone') continue
    if ('kind' in stats) faults.set(names.length, stats)
    const known = 'kind' in stats ? undefined : stats
    names.push(name)
    versions.push(known === undefined ? '' : versionOf(known))
    sizes.push(Number(known?.size ?? 0))
    modifiedAt.push(Number(known?.mtimeNs ?? 0n) / 1e6)
    changedAt.push(Number(known?.ctimeNs ?? 0n) / 1e6)
  }
  return {
    names: names.join('/'),
    versions: versions.join('/'),
    sizes: Float64Array.from(sizes),
    modifiedAt: Float64Array.from(modifiedAt),
    changedAt: Float64Array.from(changedAt),
    faults,
    passedOver: passedOver(folder, entries, wanted, new RegExp(patterns.noticed, 'is')),
  }
}

/** Files that look as if they were meant, and folders that hold some. Hidden folders are none. */
function passedOver(folder: string, entries: Dirent[], wanted: RegExp, noticed: RegExp): string[] {
  const others = entries.filter(({ name }) => !wanted.test(name))
  const folders = others
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .slice(0, MOST_FOLDERS)
    .flatMap(({ name }) => {
      const count = countIn(`${folder}${sep}${name}`, wanted)
      return count === 0 ? [] : [`${name}/ (${count})`]
    })
  const files = others.filter((entry) => !entry.isDirectory() && noticed.test(entry.name))
  return [...files.map(({ name }) => name), ...folders]
}

function countIn(folder: string, wanted: RegExp): number {
  try {
    return readdirSync(folder).filter((name) => wanted.test(name)).length
  } catch {
    return 0
  }
}

const digestOf = ({ names, versions, faults, passedOver }: Scan): string =>
  createHash('sha256')
    .update(JSON.stringify([names, versions, passedOver, faults.size]))
    .digest('base64')

const versionOf = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats) =>
  `${size}:${mtimeNs}:${ctimeNs}:${ino}`

/** Follows links. */
function look(path: string): BigIntStats | FileFault {
  try {
    const stats = statSync(path, { bigint: true })
    return stats.isFile() ? stats : fault('not-a-file', '', kindOf(stats))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ELOOP') return fault('dangling-link', code, 'leads back to itself')
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return unreadable(code, path)
    return isLink(path)
      ? fault('dangling-link', code, 'its target does not exist')
      : fault('gone', code, code)
  }
}

const fault = (kind: FileFault['kind'], code: string, detail: string): FileFault => ({
  kind,
  code,
  detail,
})
const unreadable = (code: string, path: string) => fault('unreadable', code, explain(code, path))

/** Where permission is denied: to whom it belongs, and who asks. */
function explain(code: string, path: string): string {
  if (code !== 'EACCES' && code !== 'EPERM') return code
  const asker = process.geteuid === undefined ? '' : `, the daemon runs as uid ${process.geteuid()}`
  try {
    const { uid, gid, mode } = statSync(path)
    const digits = (mode & 0o7777).toString(8).padStart(4, '0')
    return `${code}: it belongs to uid ${uid}, gid ${gid}, with mode ${digits}${asker}`
  } catch {
    return `${code}${asker}`
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    return false
  }
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}

/** Never waits: a pipe that took the place of a file is opened without blocking, and refused. */
function read(path: string, maxBytes: number): FileContent {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stats = fstatSync(file, { bigint: true })
    if (!stats.isFile()) return fault('not-a-file', '', kindOf(stats))
    const content = readAll(file, Number(stats.size), maxBytes)
    return content ?? fault('too-large', '', `over ${maxBytes} bytes`)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return fault('gone', code, code)
    return code === 'ENXIO' ? fault('not-a-file', code, code) : unreadable(code, path)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/**
 * The size is a hint: a file may grow while it is read, and some say 0. Small files share the memory
 * of one buffer, which is handed over once.
 */
function readAll(file: number, size: number, maxBytes: number): Uint8Array | undefined {
  if (size > maxBytes) return undefined
  let buffer = Buffer.allocUnsafe(size + 1)
  let length = 0
  do {
    const count = readSync(file, buffer, length, buffer.length - length, length)
    if (count === 0) break
    length += count
    if (length > maxBytes) return undefined
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes + 1, 2 * length + 65_536))
      buffer.copy(larger)
      buffer = larger
    }
    // There was room for more.
  } while (length !== size)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, length)
}
