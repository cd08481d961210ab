import { createServer } from 'node:net'

/** Everything is on this machine: what takes longer hangs. */
const REQUEST_TIMEOUT_MS = 10_000

export type Answer = { readonly status: number; readonly text: string }

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
  return { status: response.status, text: await response.text() }
}

/** Free TCP ports as the system chooses them: all held before one is let go, so none comes twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(0, '127.0.0.1', resolve)
      })
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address()
      await new Promise((resolve) => server.close(resolve))
      if (typeof address !== 'object' || address === null) throw new Error('no port')
      return address.port
    }),
  )
}
