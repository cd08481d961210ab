import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@chainsafe/bls-keystore'
import { PBKDF2, type SCRYPT } from '../messages/fixtures.ts'
import { interopPubkey, interopSecretKey } from '../sim/beacon-keys.ts'
import type { World } from '../support/world.ts'
import { inFolder, runHere } from './command.ts'

export const KEYSTORE_PASSWORD = 'a password of keystores'

/** What a machine with the keys has: the consensus nodes, and nothing else. */
export const signingEnv = (world: World, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  CONSENSUS_NODE: world.beaconNodes.map(({ url }) => url).join(','),
  ...more,
})

/** The command in this process, in the home of the world. */
export async function sign(world: World, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const ended = await inFolder(world.home, () => runHere(['sign', ...args], signingEnv(world, env)))
  return { ...ended, files: namesIn(join(world.home, 'out')) }
}

/** Everything in a folder, hidden files included. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

type KeystoreOptions = {
  readonly password?: string
  readonly kdf?: typeof PBKDF2 | typeof SCRYPT
  /** Whose public key stands outside. */
  readonly pubkey?: string
  /** The password file beside it; `undefined` given: none. */
  readonly beside?: string | undefined
}

/** A keystore of an interop key in `keys`, made by the reference, with its password beside it. */
export async function putKeystore(world: World, index: number, options: KeystoreOptions = {}) {
  const { password = KEYSTORE_PASSWORD, kdf = PBKDF2, pubkey = interopPubkey(index) } = options
  const folder = join(world.home, 'keys')
  mkdirSync(folder, { recursive: true })
  const outside = Buffer.from(pubkey.slice(2), 'hex')
  const keystore = await create(password, interopSecretKey(index), outside, 'm/12381', null, kdf)
  writeFileSync(join(folder, `keystore-${index}.json`), JSON.stringify(keystore))
  const beside = 'beside' in options ? options.beside : `${password}\n`
  if (beside !== undefined) writeFileSync(join(folder, `keystore-${index}.txt`), beside)
}
