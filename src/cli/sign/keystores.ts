import { join } from 'node:path'
import { signWith } from '../../lib/bls.ts'
import type { CryptoPool } from '../../lib/crypto-pool.ts'
import { type EnvelopeResult, openEnvelope, parseEnvelope } from '../../lib/eip2335.ts'
import { type Files, textsOf } from '../../lib/files.ts'
import { jsonObjectOf } from '../../lib/json.ts'
import { messageOf } from '../../lib/message-of.ts'
import { passwordCandidates } from '../../lib/password.ts'
import { type Pubkey, parsePubkey, parseSignature } from '../../lib/primitives.ts'
import { exitSigningRoot } from '../../messages/signing-root.ts'
import { SignError, type Signer, type SigningTask } from './signer.ts'

export type KeystoreOptions = {
  readonly folder: string
  /** Of every keystore that has no password of its own beside it: as the file gives it. */
  readonly password: Uint8Array | undefined
  readonly files: Files
  readonly pool: CryptoPool
  readonly signal: AbortSignal
}

type Keystore = { readonly name: string; readonly parsed: EnvelopeResult }

/** Keystores have any name; what else lies there (`deposit_data-….json`) is passed over. */
const NAMES = { wanted: '^[^.].*\\.json$', noticed: '(?!)' }

const LINE_ENDS = /[\r\n]+$/

/**
 * Keystores (EIP-2335) of one folder. A key is decrypted when it is to sign, and forgotten at once.
 *
 * @throws FileError when the folder cannot be read
 */
export async function openKeystores(options: KeystoreOptions): Promise<Signer> {
  const { folder, files, pool } = options
  const keystores = await readKeystores(options)

  function keystoreOf(pubkey: Pubkey): Keystore {
    const keystore = keystores.get(pubkey)
    if (keystore !== undefined) return keystore
    throw new SignError(
      `no keystore of ${keystores.size} in ${folder} is of the key ${pubkey}`,
      'put it directly into that folder, with "pubkey" in it, or name another one with --signer',
    )
  }

  async function passwordsOf(name: string, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const ownName = name.replace(/\.json$/i, '.txt')
    const own = await files.read(join(folder, ownName), signal)
    const found = own instanceof Uint8Array ? own : options.password
    if (!(own instanceof Uint8Array) && own.kind !== 'gone') {
      throw new SignError(`the password ${ownName} cannot be read: ${own.detail}`, 'let us read it')
    }
    const candidates = found === undefined ? [] : candidatesOf(found)
    if (candidates.length > 0) return candidates
    throw new SignError(
      `keystore ${name} has no password`,
      `put it into ${ownName} beside it, or name the password of all with --keystore-password-file`,
    )
  }

  /** @returns 32 bytes, to be wiped */
  async function decrypt({ name, parsed }: Keystore, signal: AbortSignal): Promise<Uint8Array> {
    if (!parsed.ok) {
      throw new SignError(`keystore ${name} cannot be used: ${parsed.detail}`, 'take a good copy')
    }
    for (const password of await passwordsOf(name, signal)) {
      const key = await pool.derive(parsed.envelope.kdf, password, signal)
      const secret = openEnvelope(parsed.envelope, key)
      if (secret !== undefined) return secret
    }
    throw new SignError(
      `the password does not open keystore ${name}`,
      `correct ${name.replace(/\.json$/i, '.txt')} beside it, or --keystore-password-file`,
    )
  }

  return {
    atOnce: pool.size,
    async sign(task, signal) {
      const keystore = keystoreOf(task.pubkey)
      try {
        const secret = await decrypt(keystore, signal)
        try {
          return signAs(keystore, task, secret)
        } finally {
          secret.fill(0)
        }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof SignError) throw error
        const why = `keystore ${keystore.name} could not be used: ${messageOf(error)}`
        throw new SignError(why, 'run it again; with less memory in use, if that is what it lacks')
      }
    },
    async look(pubkey, signal) {
      await passwordsOf(keystoreOf(pubkey).name, signal)
    },
  }
}

async function readKeystores({ folder, files, signal }: KeystoreOptions) {
  const names = await files.scan(
    { folder, names: NAMES, make: async (found) => [...textsOf(found.names)] },
    signal,
  )
  const found = new Map<Pubkey, Keystore>()
  await Promise.all(
    names.map(async (name) => {
      const content = await files.read(join(folder, name), signal)
      const fields =
        content instanceof Uint8Array ? jsonObjectOf(Buffer.from(content).toString()) : undefined
      const pubkey = parsePubkey(`0x${String(fields?.pubkey).replace(/^0x/i, '')}`)
      if (fields === undefined || pubkey === undefined) return
      const keystore = { name, parsed: parseEnvelope(fields) }
      if (found.get(pubkey)?.parsed.ok !== true) found.set(pubkey, keystore)
    }),
  )
  return found
}

/** As EIP-2335 says first; the line end of the file may be part of it. */
function candidatesOf(given: Uint8Array): readonly Uint8Array[] {
  const bare = Buffer.from(Buffer.from(given).toString('latin1').replace(LINE_ENDS, ''), 'latin1')
  return passwordCandidates(bare.length === given.length ? [given] : [bare, given])
}

function signAs({ name }: Keystore, { exit, pubkey, domain }: SigningTask, secret: Uint8Array) {
  const root = Buffer.from(exitSigningRoot(exit, domain).slice(2), 'hex')
  const signed = signWith(secret, root)
  const signature = parseSignature(`0x${Buffer.from(signed.signature).toString('hex')}`)
  const isNamed = `0x${Buffer.from(signed.pubkey).toString('hex')}` === pubkey
  if (signature !== undefined && isNamed) return signature
  throw new SignError(`keystore ${name} holds another key than it names`, 'take a good copy')
}
