import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { openKeystores } from '../../src/cli/sign/keystores.ts'
import { SignError, type SigningTask } from '../../src/cli/sign/signer.ts'
import { createWeb3Signer } from '../../src/cli/sign/web3signer.ts'
import { createFiles } from '../../src/lib/files.ts'
import type { Epoch, ValidatorIndex } from '../../src/lib/primitives.ts'
import { MAX_FILE_BYTES } from '../../src/messages/message-store.ts'
import {
  CAPELLA,
  CHAIN,
  FILE_WORKER,
  never,
  pubkeyOf,
  put,
  seal,
  sharedPool,
  temporaryFolder,
} from '../messages/fixtures.ts'
import { startHttpServer } from '../sim/http-server.ts'

const SEED = 20261126
const task: SigningTask = {
  exit: { epoch: 1n as Epoch, validatorIndex: 7 as ValidatorIndex },
  pubkey: pubkeyOf(7),
  domain: { forkVersion: CAPELLA, genesisValidatorsRoot: CHAIN.genesisValidatorsRoot },
}

/** Nothing else than a signature or its own error comes out. */
async function signsOrSaysWhy(sign: Promise<string>): Promise<void> {
  const outcome = await sign.catch((error: unknown) => error)
  if (typeof outcome === 'string') expect(outcome).toMatch(/^0x[0-9a-f]{192}$/)
  else expect(outcome).toBeInstanceOf(SignError)
}

test('a folder of any files signs, or says why it cannot', async () => {
  const files = createFiles(MAX_FILE_BYTES, FILE_WORKER)
  onTestFinished(() => files.close())
  const envelope = JSON.parse(await seal('x'.repeat(32), 'password'))
  const part = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(envelope.crypto)))
  const crypto = fc.record({ kdf: part, checksum: part, cipher: part }, { requiredKeys: [] })
  const keystore = fc.record({
    pubkey: fc.oneof({ weight: 9, arbitrary: fc.constant(pubkeyOf(7)) }, fc.jsonValue()),
    crypto: fc.oneof(fc.constant(envelope.crypto), crypto, fc.jsonValue()),
  })
  const content = fc.oneof(
    keystore.map((one) => JSON.stringify(one)),
    fc.json(),
    fc.uint8Array(),
  )

  await fc.assert(
    fc.asyncProperty(content, fc.option(fc.uint8Array()), async (bytes, password) => {
      const folder = temporaryFolder()
      put(folder, 'a.json', bytes)
      if (password !== null) put(folder, 'a.txt', password)
      const signer = await openKeystores({
        folder,
        password: Buffer.from('password'),
        files,
        pool: sharedPool,
        signal: never,
      })
      await signsOrSaysWhy(signer.sign(task, never))
    }),
    { seed: SEED, numRuns: 60 },
  )
})

test('a Web3Signer that answers anything signs, or it is said why not', async () => {
  let answer = { status: 200, body: '' }
  const server = await startHttpServer(() => answer)
  onTestFinished(() => server.close())
  const signer = createWeb3Signer({ url: server.url })
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ signature: fc.jsonValue() }).map((one) => JSON.stringify(one)),
    fc.stringMatching(/^(0x)?[0-9a-f]{190,194}$/),
  )

  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 200, max: 599 }), body, async (status, text) => {
      // A body would be no HTTP there.
      answer = [204, 205, 304].includes(status) ? { status, body: '' } : { status, body: text }
      await signsOrSaysWhy(signer.sign(task, never))
      await signer.look(task.pubkey, never).catch((error) => {
        expect(error).toBeInstanceOf(SignError)
      })
    }),
    { seed: SEED, numRuns: 100 },
  )
})
