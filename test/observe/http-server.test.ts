import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import { type HttpServerOptions, startHttpServer } from '../../src/observe/http-server.ts'
import { until } from '../support/until.ts'

/** Milliseconds: a client that is slow is let go soon. */
const STRICT = { headers: 200, check: 20 }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    port: 0,
    host: '127.0.0.1',
    runMetrics: true,
    runHealthCheck: true,
    metrics: async () => ({ contentType: 'text/x-metrics', body: 'ü 1\n' }),
    health: () => ({ ok: true, reasons: [] }),
    ready: () => ({ ok: true, reasons: [] }),
    ...options,
  })
  closers.push(server.close)
  const url = `http://127.0.0.1:${server.port}`
  return { ...server, url, get: (path: string, init?: RequestInit) => fetch(url + path, init) }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes, after what is not used was let go. */
function heapInUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** Sends bytes as they are, and returns whatever comes back until the server hangs up. */
async function raw(port: number, bytes: string) {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return answer
}

describe('paths', () => {
  test('metrics come as they are', async () => {
    const { get } = await start()
    const answer = await get('/metrics?x=1')

    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/x-metrics')
    expect(await answer.text()).toBe('ü 1\n')
  })

  test.each(['/health', '/livez', '/readyz', '/health?x'])('%s is ok', async (path) => {
    const { get } = await start()
    const answer = await get(path)

    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect(await answer.text()).toBe('{"status":"ok"}')
  })

  test('health and readiness fail by themselves and say why; liveness does not', async () => {
    const { get } = await start({
      health: () => ({ ok: false, reasons: ['no good cycle for 20 minutes'] }),
      ready: () => ({ ok: false, reasons: ['no consensus node', 'no messages'] }),
    })

    const health = await get('/health')
    expect([health.status, await health.json()]).toEqual([
      503,
      { status: 'error', reasons: ['no good cycle for 20 minutes'] },
    ])
    const ready = await get('/readyz')
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'error', reasons: ['no consensus node', 'no messages'] },
    ])
    expect((await get('/livez')).status).toBe(200)
  })

  test.each(['/', '/nothing', '/metrics/', '/METRICS', '//metrics', '/__proto__'])(
    '%s is not there',
    async (path) => {
      expect((await (await start()).get(path)).status).toBe(404)
    },
  )

  test('what is switched off is not there', async () => {
    const { get } = await start({ runMetrics: false, runHealthCheck: false })

    for (const path of ['/metrics', '/health', '/livez', '/readyz']) {
      expect((await get(path)).status, path).toBe(404)
    }
  })
})

describe('the page', () => {
  const page = [
    ['/', (query: URLSearchParams) => ({ contentType: 'text/html', body: `<p>${query.get('x')}` })],
    ['/page.css', () => ({ contentType: 'text/css', body: 'p{}' })],
  ] as const

  test.each(['/?x=1', '/page.css'])(
    '%s comes with a policy for the browser, and no cookie',
    async (path) => {
      const { get } = await start({ page })
      const answer = await get(path)

      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-security-policy':
          "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      })
      expect(answer.headers.get('set-cookie')).toBeNull()
      expect(await answer.text()).toBe(path === '/?x=1' ? '<p>1' : 'p{}')
    },
  )

  test('is for GET and HEAD only', async () => {
    const { get } = await start({ page })

    expect((await get('/', { method: 'POST' })).status).toBe(405)
    const head = await get('/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('that fails tells nothing of why', async () => {
    const { get } = await start({
      page: [
        [
          '/',
          () => {
            throw new Error('a secret')
          },
        ],
      ],
    })
    const answer = await get('/')

    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n'])
  })
})

describe('the status', () => {
  test('is plain data as JSON, where it is switched on', async () => {
    const { get } = await start({ status: () => ({ requests: { total: 1 } }) })
    const answer = await get('/status')

    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect(await answer.json()).toEqual({ requests: { total: 1 } })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect((await (await start()).get('/status')).status).toBe(404)
  })

  test('that cannot be made is a 500 without its words', async () => {
    const { get } = await start({
      status: () => {
        throw new Error('hunter2')
      },
    })
    const answer = await get('/status')

    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n'])
  })
})

describe('methods', () => {
  test('HEAD is GET without a body', async () => {
    const { get } = await start()
    const answer = await get('/metrics', { method: 'HEAD' })

    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '5'])
    expect(await answer.text()).toBe('')
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    const { get } = await start()
    const answer = await get('/metrics', { method })

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

describe('faults', () => {
  test('an error while exposing is a 500 without its words, and the next one is answered', async () => {
    let fails = true
    const { get } = await start({
      metrics: async () => {
        if (fails) throw new Error('hunter2')
        return { contentType: 'text/plain', body: 'fine' }
      },
      health: () => {
        throw new Error('hunter2')
      },
    })

    for (const path of ['/metrics', '/health']) {
      const answer = await get(path)
      expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n'])
    }
    fails = false
    expect(await (await get('/metrics')).text()).toBe('fine')
  })

  test('malformed requests get 400, endless headers 431, and the server goes on', async () => {
    const { port, get } = await start()

    expect(await raw(port, 'BLAH\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await raw(port, '\u0016\u0003\u0001\u0002\u0000\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
    expect(await raw(port, long)).toMatch(/^HTTP\/1\.1 431 /)
    expect((await get('/health')).status).toBe(200)
  })

  test('who sends headers too slowly is let go', async () => {
    const { port } = await start({ timeouts: STRICT })

    expect(await raw(port, 'GET /health HTTP/1.1\r\nHost: a\r\n')).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('an upload without end is refused and cut off', async () => {
    const { port } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.write('POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'.repeat(1_000)), 10)
    await once(socket, 'close')
    clearInterval(drip)

    expect(answer).toMatch(/^HTTP\/1\.1 405 /)
  })

  test('tunnels and upgrades come to nothing', async () => {
    const { port, get } = await start()
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

    expect(await raw(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')).not.toMatch(/ 200 /)
    expect(await raw(port, `TRACE / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`)).toMatch(/ 405 /)
    expect((await get('/health')).status).toBe(200)
  })

  test('many who drip their headers keep nobody else out for long', async () => {
    const { port, get } = await start({ timeouts: STRICT })
    const sockets = Array.from({ length: 300 }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write('GET /health HTTP/1.1\r\nHost: a\r\n')
      return socket
    })
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('X')
    }, 50)
    await until('somebody else is served', async () => (await get('/health')).status === 200)
    await until('they are let go', () => sockets.every(({ destroyed }) => destroyed))
    clearInterval(drip)
  })

  test('unknown paths leave nothing behind', async () => {
    const { port } = await start()
    const COUNT = 20_000
    const LENGTH = 2_000
    const before = heapInUse()
    const socket = connect(port, '127.0.0.1')
    let answered = 0
    socket.setEncoding('latin1').on('data', (text: string) => {
      answered += text.split('HTTP/1.1 404').length - 1
    })
    for (let at = 0; at < COUNT; at += 1) {
      const path = `${at}`.padEnd(LENGTH, 'p')
      if (!socket.write(`GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`)) await once(socket, 'drain')
    }
    // A status line may have come in two pieces.
    await until('all are answered', () => answered >= COUNT * 0.99)
    socket.destroy()

    // Kept, they would be 40 MB.
    expect(heapInUse() - before).toBeLessThan(10_000_000)
  })

  test('a taken port is named', async () => {
    const { port } = await start()

    await expect(start({ port })).rejects.toThrow(
      `listen on HTTP port ${port}: it is taken. Stop what uses it, or set HTTP_PORT to another one`,
    )
  })
})

describe('the end', () => {
  test('close ends connections that are kept and answers that never come', async () => {
    const { port, url, close } = await start({
      metrics: () => new Promise(() => {}),
      // Only `close` ends anything.
      timeouts: { headers: 0, request: 0, socket: 0 },
    })
    const agent = new Agent({ keepAlive: true })
    const kept = request(`${url}/health`, { agent }).end()
    const [answer] = await once(kept, 'response')
    answer.resume()
    await once(answer, 'end')
    const hanging = fetch(`${url}/metrics`)
    const idle = connect(port, '127.0.0.1')
    idle.on('error', () => {})
    await once(idle, 'connect')

    await Promise.all([close(), expect(hanging).rejects.toThrow()])

    await expect(fetch(url)).rejects.toThrow()
    agent.destroy()
    await close()
  })

  test('an answer under way is still given', async () => {
    let reply: ((late: { contentType: string; body: string }) => void) | undefined
    const { get, close } = await start({
      metrics: () =>
        new Promise((resolve) => {
          reply = resolve
        }),
    })
    const answer = get('/metrics')
    await until('it is asked', () => reply !== undefined)
    const closed = close()
    reply?.({ contentType: 'text/plain', body: 'late' })

    expect(await (await answer).text()).toBe('late')
    await closed
  })
})
