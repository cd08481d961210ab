import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProbeReport, ProbeTask } from './probe.ts'

/**
 * Entry of a process: asks the daemon again and again from the moment it is started. It shares the
 * processors with it, as a container's health check does.
 */
process.once('disconnect', () => process.exit())
await warmUp()
process.send?.('ready')
const [{ url, valid, refused, isClose }] = (await once(process, 'message')) as [ProbeTask]
const agent = new Agent({ keepAlive: true })
const livezMs: number[] = []
const metricsMs: number[] = []
/** Unix ms at which all messages were counted. */
let doneAt: number | undefined
let isUp = false

/** The first request of a process takes some ten milliseconds, which are not the daemon's. */
async function warmUp(): Promise<void> {
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const warming = new Agent({ keepAlive: true })
  const { port } = server.address() as AddressInfo
  for (let i = 0; i < 5; i += 1) await ask(`http://127.0.0.1:${port}/`, warming, true)
  warming.destroy()
  server.close()
}

/** The whole answer; nothing where nobody listens. */
function ask(address: string, agent: Agent, isUp: boolean): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(address, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    })
    request.on('error', (error) => (isUp ? reject(error) : resolve(undefined)))
  })
}

async function timed(path: string, into: number[]): Promise<string | undefined> {
  const start = performance.now()
  const text = await ask(`${url}${path}`, agent, isUp)
  if (text !== undefined) into.push(performance.now() - start)
  isUp ||= text !== undefined
  return text
}

/**
 * Milliseconds. Closely, every stall is seen, and that is a load of its own: a tenth of two cores.
 * The metrics cost more than the other.
 */
const EVERY_MS = isClose ? 20 : 100
const METRICS_EVERY = isClose ? 3 : 1

for (let turn = 0; doneAt === undefined; turn += 1) {
  if (isClose) await timed('/livez', livezMs)
  if (turn % METRICS_EVERY === 0) {
    const text = await timed('/metrics', metricsMs)
    const counted = (label: string) =>
      Number(
        new RegExp(`^\\w+exit_messages\\{[^}]*valid="${label}".*\\} (\\d+)$`, 'm').exec(
          text ?? '',
        )?.[1],
      )
    if (counted('true') === valid && counted('false') === refused) {
      doneAt = performance.timeOrigin + performance.now()
    }
  }
  await sleep(EVERY_MS)
}
agent.destroy()
process.send?.({ doneAt, livezMs, metricsMs } satisfies ProbeReport, () => process.exit())
