import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProbeReport, ProbeTask } from './probe.ts'

/**
 * Entry of a process: asks the daemon again and again from the moment it is started. It shares the
 * processors with it, as a container's health check does.
 */
process.once('disconnect', () => process.exit())
process.send?.('ready')
const [{ url, valid, refused, isClose }] = (await once(process, 'message')) as [ProbeTask]
const agent = new Agent({ keepAlive: true })
const livezMs: number[] = []
const metricsMs: number[] = []
/** Unix ms at which all messages were counted. */
let doneAt: number | undefined
let isUp = false

/** The whole answer, or nothing while nobody listens. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}${path}`, { agent }, (response) => {
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
  const text = await ask(path)
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
