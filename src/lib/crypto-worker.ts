import { parentPort } from 'node:worker_threads'
import { blsImplementation, createBatchVerifier } from './bls.ts'
import {
  type CryptoAnswer,
  type CryptoJob,
  type CryptoRequest,
  packVerdicts,
  unpackChecks,
} from './crypto-jobs.ts'
import { splitJson } from './json.ts'
import { deriveKey } from './kdf.ts'
import { messageOf } from './message-of.ts'
import { keepNurserySmall } from './v8-flags.ts'

/** Entry of a worker thread: one job after the other, an answer to each. */
if (parentPort !== null) {
  const port = parentPort
  keepNurserySmall()
  const send = (answer: CryptoAnswer) => port.postMessage(answer)
  port.on('message', ({ id, job }: CryptoRequest) => {
    try {
      send({ kind: 'done', id, bytes: run(job) })
    } catch (error) {
      const message = messageOf(error)
      send({ kind: 'failed', id, message })
    }
  })
  send({ kind: 'ready', implementation: blsImplementation })
}

const verifyBatch = createBatchVerifier()

function run(job: CryptoJob): Uint8Array {
  switch (job.kind) {
    case 'verify':
      return packVerdicts(verifyBatch(unpackChecks(job.packed)))
    case 'derive':
      return deriveKey(job.params, job.password)
    case 'split-json':
      return splitJson(job.bytes, job.listKey)
  }
}
