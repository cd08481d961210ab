import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { blsImplementation, verifyBatch } from './bls.ts'
import {
  type CryptoAnswer,
  type CryptoJob,
  type CryptoRequest,
  packVerdicts,
  unpackChecks,
} from './crypto-jobs.ts'
import { deriveKey } from './kdf.ts'

/** A third of the share of a thread that does not step back. */
const NICE = 5

/** Entry of a worker thread: one job after the other, an answer to each. */
if (parentPort !== null) {
  const port = parentPort
  stepBack()
  const send = (answer: CryptoAnswer) => port.postMessage(answer)
  port.on('message', ({ id, job }: CryptoRequest) => {
    try {
      send({ kind: 'done', id, bytes: run(job) })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      send({ kind: 'failed', id, message })
    }
  })
  send({ kind: 'ready', implementation: blsImplementation })
}

/**
 * The main thread answers people and nodes, and goes first. On Linux a priority belongs to the
 * thread; elsewhere this would slow down the whole process.
 */
function stepBack(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(NICE)
  } catch {
    // Forbidden here: it works without.
  }
}

function run(job: CryptoJob): Uint8Array {
  switch (job.kind) {
    case 'verify':
      return packVerdicts(verifyBatch(unpackChecks(job.packed)))
    case 'derive':
      return deriveKey(job.params, job.password)
  }
}
