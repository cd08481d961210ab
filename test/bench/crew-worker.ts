import { parentPort } from 'node:worker_threads'
import { PublicKey, SecretKey, Signature, verifyMultipleAggregateSignatures } from '@chainsafe/blst'
import { freshKdf, sealEnvelope } from '../../src/cli/encrypt/envelope.ts'
import { deriveKey } from '../../src/lib/kdf.ts'
import { exitSigningRoot } from '../sim/beacon-exits.ts'
import { interopSecretKey } from '../sim/beacon-keys.ts'
import { CHECK_BYTES, type Job, type JobResult, partsOf } from './jobs.ts'

/** Entry of a thread: one job after the other, an answer to each. */
parentPort?.on('message', (job: Job) => parentPort?.postMessage(run(job)))

function run(job: Job): JobResult {
  switch (job.kind) {
    case 'sign':
      return sign(job)
    case 'seal':
      return seal(job)
    case 'verify':
      return verify(job.packed)
    case 'derive':
      return deriveKey(job.params, job.password)
  }
}

function sign(job: Extract<Job, { kind: 'sign' }>): Uint8Array {
  const { from, to, forkVersion, genesisValidatorsRoot } = job
  const packed = new Uint8Array((to - from) * CHECK_BYTES)
  for (let index = from; index < to; index += 1) {
    const key = SecretKey.fromBytes(interopSecretKey(index))
    const root = exitSigningRoot(0n, BigInt(index), forkVersion, genesisValidatorsRoot)
    const parts = partsOf(packed, index - from)
    parts.pubkey.set(key.toPublicKey().toBytes())
    parts.root.set(root)
    parts.signature.set(key.sign(root).toBytes())
  }
  return packed
}

function seal({ kdf: name, password, texts }: Extract<Job, { kind: 'seal' }>): string[] {
  return texts.map((text) => {
    const kdf = freshKdf(name)
    const label = { description: '', pubkey: '' }
    return sealEnvelope(Buffer.from(text), deriveKey(kdf, password), kdf, label)
  })
}

/** From bytes, with the checks of the subgroup. */
function verify(packed: Uint8Array): boolean {
  const sets = Array.from({ length: packed.length / CHECK_BYTES }, (_, i) => {
    const { pubkey, root, signature } = partsOf(packed, i)
    return {
      pk: PublicKey.fromBytes(pubkey, true),
      msg: root,
      sig: Signature.fromBytes(signature, true),
    }
  })
  return verifyMultipleAggregateSignatures(sets)
}
