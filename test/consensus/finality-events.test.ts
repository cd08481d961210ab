import { afterEach, describe, expect, test } from 'vitest'
import { followFinality, type StreamNews } from '../../src/consensus/finality-events.ts'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { type BeaconNode, type BeaconNodeOptions, startBeaconNode } from '../sim/beacon-node.ts'
import { startHttpServer } from '../sim/http-server.ts'
import { until } from '../support/until.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const PATH = { path: '/eth/v1/events' }

/** Nodes of one chain whose head moves every 20 ms, and somebody who listens. */
async function setUp(options: readonly Partial<BeaconNodeOptions>[] = [{}]) {
  const chain = createBeaconChain()
  const nodes: BeaconNode[] = []
  for (const one of options) nodes.push(await startBeaconNode({ chain, ...one }))
  const clock = setInterval(() => chain.advanceSlots(), 20)
  closing.push(async () => {
    clearInterval(clock)
    await Promise.all(nodes.map((node) => node.close()))
  })
  return { chain, nodes, node: nodes[0] as BeaconNode }
}

function follow(
  urls: readonly string[],
  more: { silenceMs?: number; healthy?: () => readonly string[] } = {},
) {
  const stopping = new AbortController()
  const news: StreamNews[] = []
  let finalized = 0
  const nodes = urls.map((baseUrl, at) => ({ host: `node-${at}`, baseUrl }))
  const ended = followFinality(
    {
      nodes,
      healthy: () => nodes.map(({ host }) => host),
      onFinalized: () => {
        finalized += 1
      },
      tell: (one) => news.push(one),
      silenceMs: 2_000,
      firstPauseMs: 50,
      ...more,
    },
    stopping.signal,
  )
  closing.push(async () => {
    stopping.abort()
    await ended
  })
  const of = (kind: StreamNews['kind']) => news.filter((one) => one.kind === kind)
  return { stopping, ended, news, of, finalized: () => finalized }
}

describe('events of finality', () => {
  test('are heard, with base path and credentials of the URL', async () => {
    const { chain, node } = await setUp([{ basePath: '/v3/KEY', basicAuth: 'user:pa:ss' }])
    const one = follow([node.url.replace('//', '//user:pa%3Ass@')])
    await until('connected', () => one.of('connected').length === 1)
    expect(one.finalized()).toBe(0)

    chain.finalize()
    await until('heard', () => one.finalized() === 1)
    const [call] = node.calls
    expect(call?.path).toBe('/eth/v1/events')
    expect(call?.query.get('topics')).toBe('finalized_checkpoint,head')
    expect(call?.headers.accept).toBe('text/event-stream')
  })

  test('go on after a dropped stream, without a word of loss', async () => {
    const { chain, node } = await setUp()
    const one = follow([node.url])
    await until('connected', () => one.of('connected').length === 1)
    node.dropStreams()
    await until('connected again', () => node.openStreams() === 1)

    chain.finalize()
    await until('heard', () => one.finalized() === 1)
    expect(one.news.map(({ kind }) => kind)).toEqual(['connected', 'ended'])
  })

  test('their loss and return are said once', async () => {
    const { node } = await setUp()
    const one = follow([node.url])
    await until('connected', () => one.of('connected').length === 1)
    await node.refuse()
    await until('tried three times', () => one.of('ended').length === 3)
    expect(one.of('lost')).toMatchObject([{ host: 'node-0', why: /ECONNREFUSED|refused/ }])

    await node.revive()
    await until('back', () => one.of('connected').length === 2)
    expect(one.of('connected')).toMatchObject([{ again: false }, { again: true }])
    expect(one.of('lost')).toHaveLength(1)
  })

  test('a stream that stays open and says nothing is given up', async () => {
    const { node } = await setUp([{ eventStream: 'silent' }])
    const one = follow([node.url], { silenceMs: 100 })
    await until('lost', () => one.of('lost').length === 1)
    expect(one.of('lost')).toMatchObject([{ why: 'silent for 0.1 s' }])
    await until('the stream is closed', () => node.openStreams() === 0)

    node.set({ eventStream: 'on' })
    await until('back', () => one.of('connected').length === 1)
  })

  test('a node that never answers is given up as well', async () => {
    const { node } = await setUp()
    node.faults.add({ kind: 'hang', match: PATH, times: 1 })
    const one = follow([node.url], { silenceMs: 100 })
    await until('back', () => one.of('connected').length === 1)
    expect(one.of('lost')).toHaveLength(1)
  })

  test.each([
    ['HTTP 503', { kind: 'status', status: 503 }],
    ['HTTP 429', { kind: 'status', status: 429 }],
    ['HTTP 307', { kind: 'redirect', location: 'http://127.0.0.1:1/' }],
    ['the answer is no event stream', { kind: 'html' }],
    ['the answer is no event stream', { kind: 'endless' }],
  ] as const)('a node that does not serve them is no loss: %s', async (why, fault) => {
    const { node } = await setUp()
    const ordered = node.faults.add({ ...fault, match: PATH, times: 2 })
    const one = follow([node.url])
    await until('connected in the end', () => one.of('connected').length === 1)
    expect(ordered.hits).toBe(2)
    expect(one.of('not-served')).toEqual([{ kind: 'not-served', host: 'node-0', why }])
    expect(one.of('lost')).toEqual([])
  })

  test('a node without that path is not asked again for a while', async () => {
    const { nodes } = await setUp([{}, {}])
    const [without, failing] = nodes as [BeaconNode, BeaconNode]
    without.faults.add({ kind: 'status', status: 404, match: PATH })
    failing.faults.add({ kind: 'status', status: 503, match: PATH, times: 3 })
    const one = follow([without.url, failing.url])
    await until('the other one serves them in the end', () => one.of('connected').length === 1)
    expect(failing.calls).toHaveLength(4)
    expect(without.calls).toHaveLength(1)
  })

  test('come from the next healthy node when one fails', async () => {
    const { chain, nodes } = await setUp([{}, {}, {}])
    const [a, b, c] = nodes as [BeaconNode, BeaconNode, BeaconNode]
    const one = follow(
      nodes.map(({ url }) => url),
      { healthy: () => ['node-0', 'node-2'] },
    )
    await until('connected', () => one.of('connected').length === 1)
    await a.refuse()
    await until('the third has it', () => c.openStreams() === 1)
    chain.finalize()
    await until('heard', () => one.finalized() === 1)

    expect(b.calls).toEqual([])
    expect(one.of('lost')).toEqual([])
  })

  test('a stream ends at once when the daemon stops, whatever it is doing', async () => {
    const { node } = await setUp()
    const one = follow([node.url])
    await until('connected', () => one.of('connected').length === 1)
    one.stopping.abort()
    await one.ended
    await until('the stream is closed', () => node.openStreams() === 0)

    const waiting = follow(['http://127.0.0.1:1'])
    await until('lost', () => waiting.of('lost').length === 1)
    waiting.stopping.abort()
    await waiting.ended
  })
})

/** A server that says whatever it likes on its stream, again and again. */
async function babbler(text: string, everyMs: number) {
  let sent = 0
  const server = await startHttpServer(() => (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => {
      if (res.writableNeedDrain) return
      sent += text.length
      res.write(text)
    }, everyMs)
    res.on('close', () => clearInterval(timer))
  })
  closing.push(server.close)
  return { url: server.url, server, sent: () => sent }
}

describe('nothing that a stream sends can hurt', () => {
  test.each([
    ['a line without end', 'x'.repeat(65_536)],
    ['a data line without end', `data: ${'x'.repeat(65_536)}`],
    ['an event without end', `data: ${'x'.repeat(65_536)}\n`],
    ['an event without end, lines ended otherwise', `data: ${'x'.repeat(65_536)}\r\n`],
    ['comments without end', `:${'x'.repeat(65_536)}\n\n`],
  ])('%s', async (_, text) => {
    const { url, sent } = await babbler(text, 1)
    const one = follow([url])
    await until('given up', () => one.of('ended').length > 0)

    expect(one.of('ended')).toMatchObject([{ why: /endless event/ }])
    // What the sockets hold comes on top of the megabyte that was read.
    expect(sent()).toBeLessThan(16 * 1024 * 1024)
  })

  test('a flood of events', async () => {
    const event = 'event: head\ndata: {"slot":"1"}\n\n'
    const { url } = await babbler(event.repeat(2_000), 1)
    const one = follow([url])
    await until('given up', () => one.of('ended').length > 0)
    expect(one.of('ended')).toMatchObject([{ why: /too much/ }])
  })

  test('garbage, and events that pretend to be the library’s own', async () => {
    const garbage = [
      'event: finalized_checkpoint\ndata: {"epoch":\n\n',
      'event: finalized_checkpoint\ndata: null\n\n',
      'event: finalized_checkpoint\ndata: {"epoch":"-1"}\n\n',
      'event: head\ndata: []\n\n',
      'event: error\ndata: no\n\n',
      'event: open\ndata: no\n\n',
      'event: __proto__\nid: 1\ndata: no\n\n',
      '\0\u{feff}:\n\ndata\nretry: 99999999999999\nretry: 0\n\n',
    ]
    const { url, server } = await babbler(garbage.join(''), 10)
    const one = follow([url], { silenceMs: 300 })
    await until('given up', () => one.of('ended').length > 0)

    expect(one.of('ended')).toMatchObject([{ why: 'silent for 0.3 s' }])
    expect(one.of('connected')).toEqual([])
    expect(one.finalized()).toBe(0)
    // The library would have come back at once, as `retry: 0` says.
    expect(server.calls).toHaveLength(1)
  })
})
