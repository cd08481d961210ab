import { createServer } from 'node:net'
import type { Config } from '../../config.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { messageOf } from '../../lib/message-of.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const ASK_MS = 2_000

/**
 * A daemon whose port is taken does not start. That it is taken by a daemon which runs already is
 * fine.
 */
export async function checkPort(
  { port, runHealthCheck }: Config['http'],
  fetchFn: typeof fetch,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (port === undefined) return []
  const [id, title] = ['http-port', `HTTP_PORT ${port}`]
  const why = await tryToListen(port)
  if (why === undefined) return [ok(id, title, 'free')]
  if (why !== 'EADDRINUSE') {
    const remedy = 'set HTTP_PORT to another one'
    return [failure({ id, title, detail: `cannot be listened on: ${why}`, remedy })]
  }
  if (await isDaemonThere(port, fetchFn, signal)) {
    return [ok(id, title, 'in use by a running daemon')]
  }
  const told = { id, title, remedy: 'if that is no running daemon, set HTTP_PORT to another one' }
  const detail = 'taken'
  // Without health there is nothing that a daemon could be known by.
  return [runHealthCheck ? failure({ ...told, detail }) : warning({ ...told, detail })]
}

/** @returns why it cannot be listened on */
function tryToListen(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? messageOf(error)))
    server.listen(port, () => server.close(() => resolve(undefined)))
  })
}

/** Its `/livez` is known by the form of its answer. */
async function isDaemonThere(
  port: number,
  fetchFn: typeof fetch,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await withDeadline(ASK_MS, signal, async (deadline) => {
      const response = await fetchFn(`http://127.0.0.1:${port}/livez`, { signal: deadline })
      const body: unknown = await response.json()
      return typeof body === 'object' && body !== null && 'status' in body
    })
  } catch {
    signal.throwIfAborted()
    return false
  }
}
