import { AbiCoder, toBeHex } from 'ethers'
import type { ExitRecord } from '../devnet/protocol.ts'
import type { Answer, Call } from '../sim/faults.ts'
import { json, startHttpServer } from '../sim/http-server.ts'

type Log = { readonly topics: readonly string[]; readonly data: string; readonly logIndex: string }
type Reply = { readonly id: unknown; result?: unknown }

/** `ValidatorExitRequest(uint256,uint256,uint256,bytes,uint256)` */
const EXIT_REQUEST = '0x96395f55c4997466e5035d777f0e1ba82b8cae217aaad05cf07839eb7c75bcf2'
/** A position that no log of so small a block has. */
const FORGED_LOG_INDEX = '0x3e7'

/** One more execution node in front of another one: it says what that one says, until it lies. */
export async function startRelay(target: string) {
  let forged: ExitRecord | undefined

  async function answer(call: Call): Promise<Answer> {
    const response = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: call.body,
    })
    const text = await response.text()
    if (forged === undefined || !call.body.includes('"eth_getLogs"')) {
      return { status: response.status, body: text }
    }
    const reply = JSON.parse(text) as Reply
    return json({ ...reply, result: withForgery(reply.result, forged) })
  }

  const server = await startHttpServer((call) => (res) => {
    const send = ({ status, body }: Answer) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(body)
    }
    answer(call).then(send, () => res.destroy())
  })
  return {
    url: server.url,
    close: server.close,
    /** From now on it claims that the oracle asked for this one, in a report that really is there. */
    forge(record: ExitRecord) {
      forged = record
    },
  }
}

/** A genuine event, told once more about another validator. */
function withForgery(result: unknown, { validatorIndex, pubkey }: ExitRecord): unknown {
  if (!Array.isArray(result)) return result
  const genuine = (result as Log[]).find(({ topics }) => topics[0] === EXIT_REQUEST)
  if (genuine === undefined) return result
  const coder = AbiCoder.defaultAbiCoder()
  const [, timestamp] = coder.decode(['bytes', 'uint256'], genuine.data)
  const forgery: Log = {
    ...genuine,
    topics: [...genuine.topics.slice(0, 3), toBeHex(validatorIndex, 32)],
    data: coder.encode(['bytes', 'uint256'], [pubkey, timestamp]),
    logIndex: FORGED_LOG_INDEX,
  }
  return [...result, forgery]
}
