import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { freePorts } from './http.ts'

const SUBMISSION_PATH = '/eth/v1/beacon/pool/voluntary_exits'

/**
 * Stands between the daemon and a consensus client and writes down which exits pass: "nothing was
 * sent" can be seen only here, since a client says nothing of what it refused.
 */
export async function startRecorder(target: string) {
  const submitted: number[] = []

  function note(body: string): void {
    const { message } = JSON.parse(body) as { message: { validator_index: string } }
    submitted.push(Number(message.validator_index))
  }

  function relay(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method, headers, url = '/' } = incoming
    if (method === 'POST' && url === SUBMISSION_PATH) {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => note(Buffer.concat(chunks).toString()))
    }
    const upstream = request(new URL(url, target), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      // Its errors are one side hanging up; `pipeline` then hangs up the other.
      pipeline(response, answer, () => undefined)
    })
    upstream.on('error', () => answer.destroy())
    answer.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  }

  const [port] = await freePorts(1)
  const server = createServer(relay)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${port}`,
    /** Validator indices in the order of their submissions, repetitions included. */
    submitted: (): readonly number[] => [...submitted],
  }
}
