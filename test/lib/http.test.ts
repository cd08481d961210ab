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

  test.each([
    ['/elsewhere?key=secret#x', (url: string) => `${url}/elsewhere`],
    ['https://user:pass@other.example/v1', () => 'https://other.example/v1'],
    ['http://[', () => 'what is no URL'],
  ])('a redirect to %s is an error that says where to, without secrets', async (location, to) => {
    const { url, faults, calls } = await setUp()
    faults.add({ kind: 'redirect', location, status: 301 })
    await expect(createHttpClient(url)(get)).rejects.toMatchObject({
      name: 'NoAnswerError',
      status: 301,
      message: `HTTP 301: redirects to ${to(url)}; set the URL to that`,
    })
    expect(calls).toHaveLength(1)
  })

  test.each([
    ['user:50%off', 'user:50%off'],
    ['us%40er:p%3Ass%', 'us@er:p:ss%'],
    ['ä:%zz%25', 'ä:%zz%'],
    ['%C3%A4:%c3%A4', 'ä:ä'],
    ['token', 'token:'],
  ])('user and password of a URL, %s, become a header', async (credentials, pair) => {
    const { url } = await setUp()
    await createHttpClient(url.replace('//', `//${credentials}@`))(get)
    const { authorization } = server?.calls[0]?.headers ?? {}
    expect(authorization).toBe(`Basic ${Buffer.from(pair).toString('base64')}`)
  })

  test('any byte may be a password', async () => {
    const { url } = await setUp()
    await createHttpClient(url.replace('//', '//u:%ff@'))(get)
    const { authorization = '' } = server?.calls[0]?.headers ?? {}
    expect(Buffer.from(authorization.slice(6), 'base64')).toEqual(Buffer.from('u:\xff', 'latin1'))
  })

  test.each([5060, 5061, 6000, 6697, 10080])(
    'reaches port %i, which fetch refuses',
    async (port) => {
      try {
        server = await startHttpServer(() => ({ status: 200, body: '{}' }), { port })
      } catch (error) {
        // Taken on this machine: what answers there is not asked.
        expect(error).toMatchObject({ code: 'EADDRINUSE' })
        return
      }
      expect((await createHttpClient(server.url)(get)).status).toBe(200)
    },
  )

  test('uses a connection again', async () => {
    let connections = 0
    plain = createServer((_, answer) => answer.end('{}')).on('connection', () => {
      connections += 1
    })
    await new Promise<void>((resolve) => plain?.listen(0, '127.0.0.1', resolve))
    const { port } = plain.address() as AddressInfo
    const request = createHttpClient(`http://127.0.0.1:${port}`)
    for (let i = 0; i < 5; i += 1) await request(get)
    expect(connections).toBe(1)
  })

  test('an answer is 64 MiB at most', async () => {
    const { url, faults } = await setUp()
    faults.add({ kind: 'endless', everyMs: 0, chunkBytes: 4 * 1024 * 1024 })
    const asked = createHttpClient(url)({ ...get, timeoutMs: 60_000 })
    await expect(asked).rejects.toThrow('answer longer than 67108864 bytes')
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
