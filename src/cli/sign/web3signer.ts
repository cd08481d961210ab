import { createSecureContext } from 'node:tls'
import { isSuccess } from '../../lib/exchange.ts'
import {
  createHttpClient,
  createSend,
  type HttpAnswer,
  type HttpRequest,
  NoAnswerError,
  type TlsIdentity,
} from '../../lib/http.ts'
import { jsonOf } from '../../lib/json.ts'
import { type Pubkey, parsePubkey } from '../../lib/primitives.ts'
import { quote } from '../../lib/secret.ts'
import { readSignature } from '../../messages/shapes.ts'
import { SignError, type Signer, SignerDownError, type SigningTask } from './signer.ts'

export type Web3SignerOptions = {
  readonly url: string
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
  readonly tls?: TlsIdentity
}

/** Milliseconds for one signature: a key in a vault or a hardware module takes a while. */
const CALL_MS = 30_000
const AT_ONCE = 8

/**
 * Web3Signer signs, and keeps the keys.
 *
 * @throws what `node:tls` says of a certificate, key or CA that cannot be used
 * @see https://consensys.github.io/web3signer/web3signer-eth2.html (ETH2_SIGN, ETH2_LIST)
 */
export function createWeb3Signer({ url, token, tls = {} }: Web3SignerOptions): Signer {
  createSecureContext(tls)
  const { host } = new URL(url)
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const http = createHttpClient(url, createSend(tls), headers)
  let known: Promise<ReadonlySet<unknown>> | undefined

  async function ask(
    request: Pick<HttpRequest, 'method' | 'path' | 'body'>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    try {
      const answer = await http({ ...request, timeoutMs: CALL_MS, signal })
      if (isSuccess(answer)) return answer
      throw rejection(host, answer)
    } catch (error) {
      if (error instanceof NoAnswerError) throw noAnswer(url, error.message)
      throw error
    }
  }

  async function readKeys(signal: AbortSignal): Promise<ReadonlySet<unknown>> {
    const { text } = await ask({ method: 'GET', path: '/api/v1/eth2/publicKeys' }, signal)
    const keys = jsonOf(text)
    if (Array.isArray(keys)) return new Set(keys.map(parsePubkey))
    throw new SignerDownError(`${host} answers no list of public keys`, IS_IT)
  }

  return {
    atOnce: AT_ONCE,
    async sign(task, signal) {
      const path = `/api/v1/eth2/sign/${task.pubkey}`
      const { text } = await ask({ method: 'POST', path, body: toWire(task) }, signal)
      const signature = readSignature(text)
      if (signature !== undefined) return signature
      throw new SignError(`${host} answers something else than a signature: ${quote(text)}`, IS_IT)
    },
    async look(pubkey, signal) {
      known ??= readKeys(signal)
      if (!(await known).has(pubkey)) throw unknownKey(host, pubkey)
    },
  }
}

/**
 * Both versions are the one to sign for, so that it counts whatever the epoch, and whether or not
 * this Web3Signer knows of EIP-7044.
 */
const toWire = ({ exit, domain }: SigningTask) => ({
  type: 'VOLUNTARY_EXIT',
  fork_info: {
    fork: {
      previous_version: domain.forkVersion,
      current_version: domain.forkVersion,
      epoch: '0',
    },
    genesis_validators_root: domain.genesisValidatorsRoot,
  },
  voluntary_exit: { epoch: String(exit.epoch), validator_index: String(exit.validatorIndex) },
})

const IS_IT = 'is --signer the URL of a Web3Signer that runs with eth2?'

const unknownKey = (host: string, pubkey: Pubkey) =>
  new SignError(
    `${host} does not know the key ${pubkey}`,
    'load the key into Web3Signer, and have it read its key files again (POST /reload)',
  )

function rejection(host: string, { status, text }: HttpAnswer): SignError {
  const answer = `${host} answers ${status}${text.trim() === '' ? '' : `: ${quote(text)}`}`
  switch (status) {
    case 401:
    case 403:
      return new SignerDownError(
        `${answer}: it does not let us in`,
        'look at --token-file, or at the certificate that --tls-cert names',
      )
    case 404:
      return new SignError(
        `${answer}: it does not know the key`,
        'load the key into Web3Signer, and have it read its key files again (POST /reload); or correct the path of --signer',
      )
    case 412:
      return new SignError(
        `${answer}: its slashing protection rejects it`,
        "Web3Signer's log says why; is the key registered in its slashing protection database?",
      )
    case 400:
      return new SignError(
        `${answer}: it rejects the request`,
        'does Web3Signer run with eth2, and with --network of this chain?',
      )
    default:
      return new SignError(answer, "Web3Signer's log says why; then run it again for the rest")
  }
}

function noAnswer(url: string, why: string): SignerDownError {
  const { host, protocol } = new URL(url)
  // A server that wants another certificate may also just hang up.
  const isTls = protocol === 'https:' && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|no answer/.test(why)
  return new SignerDownError(
    `${host} cannot be reached: ${quote(why)}`,
    isTls
      ? 'a server of your own CA needs --tls-ca; one that wants to know who asks, --tls-cert and --tls-key'
      : 'does it run, and is it reached from here? Correct --signer',
  )
}
