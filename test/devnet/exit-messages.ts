import { createHash } from 'node:crypto'
import bls from '@chainsafe/bls'
import { Keystore } from '@chainsafe/bls-keystore'
import type { Network } from './beacon.ts'

/** Spec: phase0 `SignedVoluntaryExit`, as JSON. */
export type ExitMessage = {
  readonly message: { readonly epoch: string; readonly validator_index: string }
  readonly signature: string
}

/** Order of the BLS12-381 scalar field. */
const CURVE_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n
/** Spec: phase0 `DOMAIN_VOLUNTARY_EXIT`. */
const DOMAIN_VOLUNTARY_EXIT = '04000000'

const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

const fromHex = (hex: string) => Buffer.from(hex.replace(/^0x/, ''), 'hex')

/** Appends zeroes up to the 32 bytes of an SSZ chunk. */
const chunk = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(32 - bytes.length)])

function uint64Chunk(value: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/**
 * The key that every client gives to validator `index` of a test network.
 *
 * @see https://github.com/ethereum/eth2.0-pm/tree/master/interop/mocked_start
 */
function interopKey(index: number): Buffer {
  const hash = sha256(uint64Chunk(index)).reverse()
  const scalar = BigInt(`0x${hash.toString('hex')}`) % CURVE_ORDER
  return fromHex(scalar.toString(16).padStart(64, '0'))
}

/** Signs the exit of a validator from epoch 0 on, under the fork that the network is in. */
export function signExit(index: number, network: Network): ExitMessage {
  const forkDataRoot = sha256(
    chunk(fromHex(network.forkVersion)),
    fromHex(network.genesisValidatorsRoot),
  )
  const domain = Buffer.concat([fromHex(DOMAIN_VOLUNTARY_EXIT), forkDataRoot.subarray(0, 28)])
  const signingRoot = sha256(sha256(uint64Chunk(0), uint64Chunk(index)), domain)
  const signature = bls.sign(interopKey(index), signingRoot)
  return {
    message: { epoch: '0', validator_index: String(index) },
    signature: `0x${Buffer.from(signature).toString('hex')}`,
  }
}

/** The keystore of a validator's key, as key generators make it. */
export async function keystoreOf(index: number, pubkey: string, password: string): Promise<string> {
  const keystore = await Keystore.create(password, interopKey(index), fromHex(pubkey), 'm/12381')
  return keystore.stringify()
}

/** The EIP-2335 envelope in which operators keep their messages. */
export async function encryptExit(message: ExitMessage, password: string): Promise<string> {
  const plain = Buffer.from(JSON.stringify(message))
  const keystore = await Keystore.create(password, plain, new Uint8Array(), '')
  return keystore.stringify()
}
