import { createHash } from 'node:crypto'
import { PublicKey, Signature, verify } from '@chainsafe/blst'
import { expect, test } from 'vitest'
import type { ForkVersion } from '../../src/consensus/fork.ts'
import type { Bytes32, Epoch, ValidatorIndex } from '../../src/lib/primitives.ts'
import { exitDomain, exitSigningRoot } from '../../src/messages/signing-root.ts'
import vector from '../vectors/ethdo-mainnet-exit.json' with { type: 'json' }
import { bytesOf, hexOf } from './fixtures.ts'

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** SSZ chunk of a uint64: 8 bytes little-endian, then zeros. */
const uint64Chunk = (value: bigint) => {
  const chunk = Buffer.alloc(32)
  chunk.writeBigUInt64LE(value)
  return chunk
}

test.each([
  [0n, 0],
  [1n, 2],
  [194048n, 1_234_567],
  [2n ** 64n - 1n, Number.MAX_SAFE_INTEGER],
])('the signing root of epoch %s, index %s is what the spec says by hand', (epoch, index) => {
  const forkVersion = '0x04017000' as ForkVersion
  const genesisValidatorsRoot = `0x${'9143aa7c'.repeat(8)}` as Bytes32

  const versionChunk = Buffer.concat([bytesOf(forkVersion), Buffer.alloc(28)])
  const forkDataRoot = sha256(versionChunk, bytesOf(genesisValidatorsRoot))
  const domain = Buffer.concat([Buffer.from('04000000', 'hex'), forkDataRoot.subarray(0, 28)])
  const exitRoot = sha256(uint64Chunk(epoch), uint64Chunk(BigInt(index)))

  const exit = { epoch: epoch as Epoch, validatorIndex: index as ValidatorIndex }
  const place = { forkVersion, genesisValidatorsRoot }
  expect(hexOf(exitDomain(place))).toBe(hexOf(domain))
  expect(exitSigningRoot(exit, place)).toBe(hexOf(sha256(exitRoot, domain)))
})

test('an exit that ethdo signed for mainnet matches its signing root', () => {
  const { message, signature } = vector.exit
  const root = exitSigningRoot(
    {
      epoch: BigInt(message.epoch) as Epoch,
      validatorIndex: Number(message.validator_index) as ValidatorIndex,
    },
    {
      forkVersion: vector.forkVersion as ForkVersion,
      genesisValidatorsRoot: vector.genesisValidatorsRoot as Bytes32,
    },
  )

  const pubkey = PublicKey.fromHex(vector.pubkey)
  expect(verify(bytesOf(root), pubkey, Signature.fromHex(signature), true, true)).toBe(true)
})
