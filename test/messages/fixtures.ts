import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@chainsafe/bls-keystore'
import { SecretKey } from '@chainsafe/blst'
import { onTestFinished } from 'vitest'
import type { ForkVersion, SigningContext } from '../../src/consensus/fork.ts'
import type { Registry } from '../../src/consensus/registry.ts'
import { createCryptoPool } from '../../src/lib/crypto-pool.ts'
import { createFiles } from '../../src/lib/files.ts'
import {
  type Bytes32,
  type Epoch,
  FAR_FUTURE_EPOCH,
  type Pubkey,
  type ValidatorIndex,
} from '../../src/lib/primitives.ts'
import { createFolderStore } from '../../src/messages/folder.ts'
import { createMessageLoader, type MessageLoaderParts } from '../../src/messages/loader.ts'
import { MAX_FILE_BYTES, type MessageStore } from '../../src/messages/message-store.ts'
import { exitSigningRoot } from '../../src/messages/signing-root.ts'

/** Workers cannot be TypeScript: tests use the built ones. */
const built = (name: string) => new URL(`../../dist/lib/${name}`, import.meta.url)
export const CRYPTO_WORKER = built('crypto-worker.js')
export const FILE_WORKER = built('file-worker.js')

export const never = new AbortController().signal

export const hexOf = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}` as const
export const bytesOf = (hex: string) => Buffer.from(hex.replace(/^0x/, ''), 'hex')

export const CAPELLA = '0x03000000' as ForkVersion
export const CHAIN: SigningContext = {
  genesisValidatorsRoot: `0x${'11'.repeat(32)}` as Bytes32,
  forkVersions: [CAPELLA],
}

export const secretKey = (index: number) =>
  SecretKey.fromKeygen(createHash('sha256').update(`validator ${index}`).digest())

export const pubkeyOf = (index: number) => hexOf(secretKey(index).toPublicKey().toBytes()) as Pubkey

type Signed = { message: { epoch: string; validator_index: string }; signature: string }

/** A really signed exit, in the form of the specification. */
export function signedExit(
  index: number,
  {
    epoch = 1,
    forkVersion = CAPELLA,
    signer = index,
  }: { epoch?: number | bigint; forkVersion?: ForkVersion; signer?: number } = {},
): Signed {
  const root = exitSigningRoot(
    { epoch: BigInt(epoch) as Epoch, validatorIndex: index as ValidatorIndex },
    { forkVersion, genesisValidatorsRoot: CHAIN.genesisValidatorsRoot },
  )
  return {
    message: { epoch: String(epoch), validator_index: String(index) },
    signature: hexOf(secretKey(signer).sign(bytesOf(root)).toBytes()),
  }
}

/** Few rounds, so that tests are quick. */
export const PBKDF2 = {
  function: 'pbkdf2',
  params: { dklen: 32, c: 16, prf: 'hmac-sha256', salt: 'ab'.repeat(32) },
} as const
export const SCRYPT = {
  function: 'scrypt',
  params: { dklen: 32, n: 16, r: 8, p: 1, salt: 'cd'.repeat(32) },
} as const

/** An EIP-2335 envelope around a text, made by `@chainsafe/bls-keystore` itself. */
export async function seal(
  content: string,
  password: string | Uint8Array,
  kdf: typeof PBKDF2 | typeof SCRYPT = PBKDF2,
): Promise<string> {
  const envelope = await create(password, Buffer.from(content), new Uint8Array(), '', null, kdf)
  return JSON.stringify(envelope)
}

export function registryOf(indices: readonly number[], exiting: readonly number[] = []): Registry {
  return new Map(
    indices.map((number) => {
      const index = number as ValidatorIndex
      const isExiting = exiting.includes(number)
      return [
        index,
        {
          index,
          pubkey: pubkeyOf(number),
          status: isExiting ? 'active_exiting' : 'active_ongoing',
          activationEpoch: 0n as Epoch,
          exitEpoch: isExiting ? (9n as Epoch) : FAR_FUTURE_EPOCH,
        },
      ]
    }),
  )
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'messages-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** @param modifiedAt - seconds since 1970 */
export function put(folder: string, name: string, content: unknown, modifiedAt?: number) {
  const isRaw = typeof content === 'string' || content instanceof Uint8Array
  const path = join(folder, name)
  writeFileSync(path, isRaw ? content : JSON.stringify(content))
  if (modifiedAt !== undefined) utimesSync(path, modifiedAt, modifiedAt)
}

/** Started by the first test that needs them; idle threads do not keep the process alive. */
export const sharedPool = createCryptoPool({ workerUrl: CRYPTO_WORKER })
const sharedFiles = createFiles(MAX_FILE_BYTES, FILE_WORKER)

export function cryptoPool(options: Parameters<typeof createCryptoPool>[0] = {}) {
  const pool = createCryptoPool({ workerUrl: CRYPTO_WORKER, ...options })
  onTestFinished(() => pool.close())
  return pool
}

/** What a store lists, without what it passes over. */
export const entriesOf = async (store: MessageStore) => (await store.list(never)).entries

export const folderStore = (folder: string) => createFolderStore(folder, sharedFiles)

/** A loader over a folder, in a world where the validators 0 to 9 are known and active. */
export function loaderOf(
  folder: string,
  {
    readRegistry,
    unreadable = new Map(),
    ...parts
  }: Partial<Omit<MessageLoaderParts, 'readRegistry'>> & {
    readRegistry?: (indices: readonly ValidatorIndex[]) => Promise<Registry>
    unreadable?: ReadonlyMap<ValidatorIndex, string>
  } = {},
) {
  const known = registryOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  const read = async (indices: readonly ValidatorIndex[]) =>
    new Map([...known].filter(([index]) => indices.includes(index)))
  return createMessageLoader({
    store: folderStore(folder),
    passwords: [],
    pool: sharedPool,
    readRegistry: async (indices) => ({
      entries: await (readRegistry ?? read)(indices),
      unreadable,
    }),
    readSigningContext: async () => CHAIN,
    // A busy machine may take long: only tests of passes want several.
    passMs: 120_000,
    ...parts,
  })
}
