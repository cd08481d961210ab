import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type HttpServerOptions, startHttpServer } from '../src/sinks/http-server.ts'

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
    const { port } = await start()

    expect(await raw(port, 'GET /health HTTP/1.1\r\nHost: a\r\n')).toMatch(/^HTTP\/1\.1 408 /)
  }, 15_000)

  test('a taken port is named', async () => {
    const { port } = await start()

    await expect(start({ port })).rejects.toThrow(
      `listen on HTTP port ${port}: it is already taken`,
    )
  })
})

describe('the end', () => {
  test('close is quick, in spite of connections that are kept and answers that never come', async () => {
    const { port, url, close } = await start({ metrics: () => new Promise(() => {}) })
    const agent = new Agent({ keepAlive: true })
    const kept = request(`${url}/health`, { agent }).end()
    const [answer] = await once(kept, 'response')
    answer.resume()
    await once(answer, 'end')
    const hanging = fetch(`${url}/metrics`)
    const idle = connect(port, '127.0.0.1')
    idle.on('error', () => {})
    await once(idle, 'connect')
    const started = Date.now()

    await Promise.all([close(), expect(hanging).rejects.toThrow()])

    expect(Date.now() - started).toBeLessThan(2_000)
    await expect(fetch(url)).rejects.toThrow()
    agent.destroy()
    await close()
  })

  test('an answer under way is still given', async () => {
    const { get, close } = await start({
      metrics: async () => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        return { contentType: 'text/plain', body: 'late' }
      },
    })
    const answer = get('/metrics')
    await new Promise((resolve) => setTimeout(resolve, 30))
    const closed = close()

    expect(await (await answer).text()).toBe('late')
    await closed
  })
})
