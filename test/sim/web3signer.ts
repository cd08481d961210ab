import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { exitSigningRoot } from './beacon-exits.ts'
import { fromHex, interopPubkey, interopSecretKey, sign } from './beacon-keys.ts'
import type { Answer, Call } from './faults.ts'
import { json, startHttpServer } from './http-server.ts'

/** PEM. */
export type ServerTls = { readonly cert: string; readonly key: string; readonly ca: string }

export type Web3SignerSettings = {
  /** Validators whose interop keys are loaded. */
  readonly keys: readonly number[]
  /** The two forms of an answer, and what is none. */
  readonly form?: 'text' | 'json' | 'nonsense'
  /** Bearer token that is wanted. */
  readonly token?: string
  /** Slashing protection rejects these. */
  readonly protects?: readonly number[]
  /** Signs with the key of another validator. */
  readonly signsAs?: number
  /** Signs for this version, whatever is asked. */
  readonly forkVersion?: string
}

type SignRequest = {
  readonly fork_info: {
    readonly fork: {
      readonly previous_version: string
      readonly current_version: string
      readonly epoch: string
    }
    readonly genesis_validators_root: string
  }
  readonly voluntary_exit: { readonly epoch: string; readonly validator_index: string }
}

/** Web3Signer as its OpenAPI text has it (`test/vectors/web3signer.md`), over HTTP or TLS. */
export async function startWeb3Signer(settings: Web3SignerSettings, tls?: ServerTls) {
  const byPubkey = new Map<string, number>(settings.keys.map((key) => [interopPubkey(key), key]))

  function handle({
    method,
    path,
    headers,
    body,
  }: Pick<Call, 'method' | 'path' | 'headers' | 'body'>): Answer {
    const { token, form = 'text' } = settings
    if (token !== undefined && headers.authorization !== `Bearer ${token}`) {
      return { status: 401, body: '' }
    }
    if (method === 'GET' && path === '/api/v1/eth2/publicKeys') return json([...byPubkey.keys()])
    const [, identifier = ''] = /^\/api\/v1\/eth2\/sign\/(\w+)$/.exec(path) ?? []
    const key = byPubkey.get(identifier)
    if (method !== 'POST' || key === undefined) return { status: 404, body: '' }
    if (settings.protects?.includes(key)) return { status: 412, body: '' }
    const signature = signExit(JSON.parse(body), settings.signsAs ?? key, settings.forkVersion)
    if (form === 'json') return json({ signature })
    return {
      status: 200,
      body: form === 'text' ? signature : 'hello',
      headers: { 'content-type': 'text/plain' },
    }
  }

  if (tls === undefined) return startHttpServer(handle)
  const requireClient = { requestCert: true, rejectUnauthorized: true }
  const server = createServer({ ...tls, ...requireClient }, async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const { method = '', url: path = '', headers } = request
    const answer = handle({ method, path, headers, body: Buffer.concat(parts).toString() })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Before EIP-7044 was known to it: the version is the one of the epoch. */
function signExit({ fork_info, voluntary_exit }: SignRequest, key: number, version?: string) {
  const { fork, genesis_validators_root } = fork_info
  const epoch = BigInt(voluntary_exit.epoch)
  const ofEpoch = epoch < BigInt(fork.epoch) ? fork.previous_version : fork.current_version
  const index = BigInt(voluntary_exit.validator_index)
  const root = exitSigningRoot(epoch, index, version ?? ofEpoch, genesis_validators_root)
  return sign(fromHex(`0x${interopSecretKey(key).toString('hex')}`), root)
}
