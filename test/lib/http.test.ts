import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpClient } from '../../src/lib/http.ts'
import { startHttpServer } from '../sim/http-server.ts'

type SimServer = Awaited<ReturnType<typeof startHttpServer>>
let server: SimServer | undefined
let plain: Server | undefined
afterEach(async () => {
  await server?.close()
  plain?.closeAllConnections()
  plain?.close()
})
const never = new AbortController().signal
const get = { method: 'GET', timeoutMs: 2_000, signal: never } as const

async function setUp() {
  server = await startHttpServer(() => ({ status: 200, body: '{"ok":true}' }))
  return server
}

describe('the HTTP client', () => {
  test('appends to the base path, and keeps the query of the base', async () => {
    const { url } = await setUp()
    const request = createHttpClient(`${url}/v3/KEY?token=1`)
    await request({ ...get, path: '/eth/v1/x?y=2' })
    expect(server?.calls[0]?.path).toBe('/v3/KEY/eth/v1/x')
    expect(String(server?.calls[0]?.query)).toBe('token=1&y=2')
  })

  test('turns user and password of the URL into a header', async () => {
    const { url } = await setUp()
    await createHttpClient(url.replace('//', '//us%40er:p%3Ass@'))(get)
    const expected = Buffer.from('us@er:p:ss').toString('base64')
    expect(server?.calls[0]?.headers.authorization).toBe(`Basic ${expected}`)
  })

  test.each(['hang', 'hang-body', 'trickle', 'endless'] as const)(
    'a deadline covers the whole answer: %s',
    async (kind) => {
      const { url, faults } = await setUp()
      faults.add(kind === 'trickle' ? { kind, everyMs: 100 } : { kind })
      const asked = createHttpClient(url)({ ...get, timeoutMs: 100 })
      await expect(asked).rejects.toMatchObject({
        name: 'NoAnswerError',
        message: 'no answer within 100 ms',
      })
    },
  )

  test('says why no answer came', async () => {
    const { url, refuse } = await setUp()
    await refuse()
    await expect(createHttpClient(url)(get)).rejects.toThrow(/ECONNREFUSED/)
  })

  test('does not follow a redirect', async () => {
    const { url, faults } = await setUp()
    faults.add({ kind: 'redirect', location: `${url}/elsewhere`, times: 1 })
    expect((await createHttpClient(url)(get)).status).toBe(307)
  })

  test('ends with its signal, and gives its reason', async () => {
    const { url, faults } = await setUp()
    faults.add({ kind: 'hang' })
    const controller = new AbortController()
    const asked = createHttpClient(url)({ ...get, signal: controller.signal })
    controller.abort(new Error('stop'))
    await expect(asked).rejects.toThrow('stop')
  })

  test('a connection that speaks no HTTP is no answer', async () => {
    plain = createServer().on('connection', (socket) => socket.end('garbage\r\n\r\n'))
    await new Promise<void>((resolve) => plain?.listen(0, '127.0.0.1', resolve))
    const { port } = plain.address() as AddressInfo
    await expect(createHttpClient(`http://127.0.0.1:${port}`)(get)).rejects.toMatchObject({
      name: 'NoAnswerError',
    })
  })
})
