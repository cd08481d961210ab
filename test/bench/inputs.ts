import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { toHex } from '../sim/beacon-keys.ts'
import type { Crew } from './crew.ts'
import { CHECK_BYTES, type Job, partsOf } from './jobs.ts'
import { CLI_MAIN, ENCRYPT, GENERATORS, INPUTS } from './places.ts'

export const PASSWORD = 'bench password'
/** Of the messages with some bad ones, every so many has the signature of its neighbour. */
export const ONE_BAD_IN = 100

/** Exits of the interop validators 0, 1, 2 …, ready to be used and to be checked. */
export type Inputs = {
  readonly folder: string
  readonly count: number
  /** Public key, signing root and signature of each. */
  readonly packed: Uint8Array
}

const JOB_EXITS = 500
const FILES_AT_ONCE = 64
/** Newer than any reading, so that even `relatime` tells when a file is read. */
const MODIFIED_AT = new Date('2100-01-01T00:00:00Z')

/** Makes each input once, and finds it again as long as what makes it stays the same. */
export function createInputs(crew: Crew) {
  const hashOf = (files: readonly string[]) => {
    const hash = createHash('sha256')
    for (const file of files) hash.update(readFileSync(file))
    return hash.digest('hex').slice(0, 12)
  }
  const own = hashOf(GENERATORS)

  /** A folder appears under its name when it is complete. */
  async function once(name: string, key: string, make: (folder: string) => Promise<void>) {
    const folder = join(INPUTS, `${name}-${key}`)
    if (existsSync(folder)) return folder
    const draft = `${folder}.draft`
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { recursive: true })
    process.stderr.write(`making ${name} …\n`)
    await make(draft)
    renameSync(draft, folder)
    return folder
  }

  async function sign(count: number): Promise<Uint8Array> {
    const folder = await once(`signed-${count}`, own, async (draft) => {
      const { capellaForkVersion: forkVersion, genesisValidatorsRoot } = createBeaconChain()
      const jobs: Job[] = []
      for (let from = 0; from < count; from += JOB_EXITS) {
        const to = Math.min(from + JOB_EXITS, count)
        jobs.push({ kind: 'sign', from, to, forkVersion, genesisValidatorsRoot })
      }
      const parts = (await crew.run(jobs)) as Uint8Array[]
      await writeFile(join(draft, 'packed'), Buffer.concat(parts))
    })
    return readFileSync(join(folder, 'packed'))
  }

  async function writeAll(folder: string, files: readonly string[]): Promise<void> {
    for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
      const batch = files.slice(at, at + FILES_AT_ONCE).map(async (text, i) => {
        const path = join(folder, `validator-${at + i}.json`)
        await writeFile(path, text)
        await utimes(path, MODIFIED_AT, MODIFIED_AT)
      })
      await Promise.all(batch)
    }
  }

  async function plain(count: number, name = 'plain', signerOf = (index: number) => index) {
    const packed = await sign(count)
    const folder = await once(`${name}-${count}`, own, (draft) => {
      const texts = Array.from({ length: count }, (_, i) => exitText(packed, i, signerOf(i)))
      return writeAll(draft, texts)
    })
    return { folder, count, packed }
  }

  /** Each under a salt of its own, as other tools make them. */
  async function sealed(kdf: 'pbkdf2' | 'scrypt', count: number): Promise<Inputs> {
    const packed = await sign(count)
    const folder = await once(`${kdf}-${count}`, own, async (draft) => {
      const password = Buffer.from(PASSWORD)
      const jobs = Array.from(
        { length: count },
        (_, i): Job => ({ kind: 'seal', kdf, password, texts: [exitText(packed, i, i)] }),
      )
      await writeAll(draft, ((await crew.run(jobs)) as string[][]).flat())
    })
    return { folder, count, packed }
  }

  /** By our own command, as operators make them. */
  async function encrypted(count: number): Promise<Inputs> {
    const { folder: from, packed } = await plain(count)
    const commands = readdirSync(ENCRYPT, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(ENCRYPT, name))
    const key = `${own}-${hashOf(commands.sort())}`
    const folder = await once(`encrypted-${count}`, key, async (draft) => {
      const env = { PATH: process.env.PATH, MESSAGES_PASSWORD: PASSWORD }
      await promisify(execFile)(process.execPath, [CLI_MAIN, 'encrypt', from, draft], { env })
    })
    return { folder, count, packed }
  }

  return {
    plain: (count: number): Promise<Inputs> => plain(count),
    /** One in a hundred is signed by somebody else. */
    someBad: (count: number): Promise<Inputs> =>
      plain(count, 'bad', (i) => (i % ONE_BAD_IN === 0 ? i + 1 : i)),
    sealed,
    encrypted,
  }
}
export type InputMaker = ReturnType<typeof createInputs>

function exitText(packed: Uint8Array, index: number, signer: number): string {
  const signature = toHex(partsOf(packed, signer).signature)
  return JSON.stringify({ message: { epoch: '0', validator_index: `${index}` }, signature })
}

/** Of the validators 0, 1, 2 … */
export const pubkeysOf = ({ packed, count }: Inputs) =>
  Array.from({ length: count }, (_, i) => toHex(partsOf(packed, i).pubkey))

/** Larger batches gain next to nothing. */
export function batchesOf({ packed }: Inputs, size = 64): readonly Uint8Array[] {
  const bytes = size * CHECK_BYTES
  return Array.from({ length: Math.ceil(packed.length / bytes) }, (_, i) =>
    packed.slice(i * bytes, (i + 1) * bytes),
  )
}
