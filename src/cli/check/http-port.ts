import { createServer } from 'node:net'
import { resolve } from 'node:path'
import type { Config } from '../../config.ts'
import { holderOf } from '../../journal/lock.ts'
import { exchange, type Send } from '../../lib/http.ts'
import { messageOf } from '../../lib/message-of.ts'
import { type Finding, failure, ok } from './finding.ts'

const ASK_MS = 2_000

/**
 * A daemon whose port is taken does not start. That it is taken by a daemon which runs already is
 * fine, unless that is another one.
 */
export async function checkHttpPort(
  { http: { port, host }, stateFile }: Pick<Config, 'http' | 'stateFile'>,
  sendFn: Send,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (port === undefined) return []
  const [id, title] = ['http-port', `HTTP_PORT ${port}`]
  const why = await tryToListen(port, host)
  if (why === undefined) return [ok(id, title, 'free')]
  const remedy = 'set HTTP_PORT to another one'
  if (why !== 'EADDRINUSE') {
    return [failure({ id, title, detail: `cannot be listened on: ${why}`, remedy })]
  }
  if (!(await isDaemonThere(port, host, sendFn, signal))) {
    return [
      failure({ id, title, detail: 'taken', remedy: `if that is no running daemon, ${remedy}` }),
    ]
  }
  if (!isStateFree(stateFile)) return [ok(id, title, 'in use by a running daemon')]
  const detail = 'in use by another daemon: the one that runs has not this STATE_FILE'
  return [failure({ id, title, detail, remedy })]
}

/** Whether a daemon that had this state file would hold it, and none does. */
function isStateFree(stateFile: string | undefined): boolean {
  if (stateFile === undefined) return false
  try {
    return holderOf(resolve(stateFile)) === undefined
  } catch {
    return false
  }
}

/** @returns why it cannot be listened on */
function tryToListen(port: number, host: string | undefined): Promise<string | undefined> {
  return new Promise((tell) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => tell(error.code ?? messageOf(error)))
    server.listen({ port, ...(host !== undefined && { host }) }, () =>
      server.close(() => tell(undefined)),
    )
  })
}

/** Where a server on this address answers from here; every interface includes the loopback one. */
function askedHost(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

/** It is known by how it answers: `/livez` with a status, or, without health, with its own 404. */
async function isDaemonThere(
  port: number,
  host: string | undefined,
  sendFn: Send,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const url = new URL(`http://${askedHost(host)}:${port}/livez`)
    const what = { method: 'GET', timeoutMs: ASK_MS, signal } as const
    const { status, text } = await exchange(sendFn, url, what)
    return status === 404 ? text === 'not found\n' : JSON.parse(text).status !== undefined
  } catch {
    signal.throwIfAborted()
    return false
  }
}
