import { rmSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { startBeaconNode } from '../sim/beacon-node.ts'
import { json, startHttpServer } from '../sim/http-server.ts'
import { until } from '../support/until.ts'
import { createWorld, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world.close())

const status = async (url: string) => (await fetch(url)).status

describe('start-up', () => {
  test('says in one line what runs', async () => {
    await setUp()
    const app = await world.start()
    const [line] = await until('it runs', () => {
      const lines = app.said('Validator Ejector')
      return lines.length > 0 && lines
    })

    expect(line).toMatchObject({
      level: 'info',
      details: {
        mode: 'message',
        network: 'hoodi',
        scope: { 1: [5] },
        executionNodes: [new URL(world.execution.url).host],
        consensusNodes: [new URL(world.consensus.url).host],
      },
    })
    expect(app.said('blst-native')).toHaveLength(1)
  })

  test.each(['execution', 'consensus'] as const)(
    'waits for a dead %s node, says so, and goes on when it is there',
    async (layer) => {
      await setUp()
      await world[layer].refuse()
      world.writeMessage(1)
      world.ask(world.requestOf(1))

      const app = await world.start()
      await until('it says so', () => app.said(`no ${layer} node is up and synced`).length > 0)
      const ready = await fetch(`${app.url}/readyz`)
      expect(ready.status).toBe(503)
      expect(await ready.text()).toContain(`no ${layer} node is up and synced`)
      // No cycle has run, and none will: the alert on nodes must not wait for one.
      const layers = {
        execution: layer === 'execution' ? 0 : 1,
        consensus: layer === 'consensus' ? 0 : 1,
      }
      for (const [name, isUp] of Object.entries(layers)) {
        expect(await app.metric('node_up', { layer: name })).toBe(isUp)
        expect(await app.metric('node_synced', { layer: name })).toBe(isUp)
      }
      expect(await status(`${app.url}/health`)).toBe(200)
      expect(await status(`${app.url}/livez`)).toBe(200)

      await world[layer].revive()
      await until('the exit is sent', () => world.beacon.accepted.length > 0)
      await until('it is ready', async () => (await status(`${app.url}/readyz`)) === 200)
    },
  )

  test.each(['execution', 'consensus'] as const)('waits for a syncing %s node', async (layer) => {
    await setUp()
    if (layer === 'execution') world.execution.set({ syncing: true })
    else world.consensus.set({ isSyncing: true })
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('it says so', () => app.said('still syncing').length > 0)
    world.execution.set({ syncing: false })
    world.consensus.set({ isSyncing: false })
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
  })

  test('says that execution and consensus node are swapped', async () => {
    await setUp()
    const app = await world.start({
      EXECUTION_NODE: world.consensus.url,
      CONSENSUS_NODE: world.execution.url,
    })
    const swapped = 'are EXECUTION_NODE and CONSENSUS_NODE swapped?'
    await until('both are told', () => app.said(swapped).length > 0)
    const [line] = app.said(swapped)
    expect(line?.message).toContain('looks like a consensus node, and not like the execution node')
    expect(line?.message).toContain('looks like an execution node, and not like the consensus node')
    const ready = await fetch(`${app.url}/readyz`)
    expect(await ready.text()).toContain('looks like an execution node')
  })

  test.each(['EXECUTION_NODE', 'CONSENSUS_NODE'])('says that %s is a Keys API', async (name) => {
    await setUp()
    const api = await startHttpServer(({ path }) =>
      path === '/v1/status'
        ? json({ appVersion: '2.2.0', chainId: 1, elBlockSnapshot: {}, clBlockSnapshot: {} })
        : json({ message: 'Not Found', statusCode: 404 }, 404),
    )
    const app = await world.start({ [name]: api.url })
    await until('it is told', () => app.said('looks like a Keys API').length > 0)
    await app.end()
    await api.close()
  })

  test.each(['execution', 'consensus'] as const)(
    'says where a redirect of the %s node leads to',
    async (layer) => {
      await setUp()
      const location = 'https://user:pass@other.example/path?key=1'
      world[layer].faults.add({ kind: 'redirect', status: 301, location })
      const app = await world.start()
      const text = 'HTTP 301: redirects to https://other.example/path; set the URL to that'
      await until('it is told', () => app.said(text).length > 0)
    },
  )

  test('uses a consensus node that does not tell whether it syncs, with one warning', async () => {
    await setUp()
    world.consensus.faults.add({ kind: 'status', status: 404, match: { path: /syncing$/ } })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    const app = await world.start()
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    const cycles = world.consensus.calls.length
    await until('more cycles', () => world.consensus.calls.length > cycles + 10)
    const odd = app.said('answers 404 to /eth/v1/node/syncing: it is used')
    expect(odd.map(({ level }) => level)).toEqual(['warn'])
  })

  test('only warns of a dead or syncing node beside a good one', async () => {
    await setUp({
      executionNodes: [{ syncing: true }, {}],
      beaconNodes: [{}, {}],
    })
    await world.consensus.refuse()
    world.writeMessage(1)
    world.ask(world.requestOf(1))

    const app = await world.start()
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
    const hosts = [world.execution, world.consensus].map(({ url }) => new URL(url).host)
    for (const host of hosts) {
      expect(app.said(host).filter(({ level }) => level === 'warn').length).toBeGreaterThan(0)
    }
  })

  test('refuses nodes of different chains', async () => {
    await setUp({ beacon: { chainId: 1n } })
    const app = await world.start()
    await expect(app.ended).rejects.toThrow(/different chains .*560048.*: 1\)/)
  })

  test('refuses different chains within a layer', async () => {
    await setUp()
    const other = await startBeaconNode({ chain: createBeaconChain({ chainId: 1n }) })
    const app = await world.start({ CONSENSUS_NODE: `${world.consensus.url},${other.url}` })
    await expect(app.ended).rejects.toThrow('different chains')
    await other.close()
  })

  test('refuses a chain that is not the one of NETWORK', async () => {
    await setUp()
    const app = await world.start({ NETWORK: 'mainnet', LOCATOR_ADDRESS: '' })
    await expect(app.ended).rejects.toThrow(/NETWORK is mainnet and the nodes are on hoodi: set/)
  })

  test('nodes get the headers of NODE_HEADERS, also for their events', async () => {
    await setUp()
    const { hostname, host } = new URL(world.consensus.url)
    const headers = { [hostname]: { 'X-API-Key': 'one' }, [host]: { 'X-Beacon': 'two' } }
    const app = await world.start({ NODE_HEADERS: JSON.stringify(headers) })
    await until('it listens', () =>
      world.consensus.calls.some(({ path }) => path.includes('events')),
    )

    expect(world.execution.calls.length).toBeGreaterThan(0)
    for (const call of world.execution.calls) {
      expect(call.headers).toMatchObject({ 'x-api-key': 'one' })
      expect(call.headers).not.toHaveProperty('x-beacon')
    }
    for (const call of world.consensus.calls) {
      expect(call.headers).toMatchObject({ 'x-api-key': 'one', 'x-beacon': 'two' })
    }
    await app.end()
  })

  test('a node that comes up later on another chain is left out', async () => {
    await setUp()
    const other = await startBeaconNode({ chain: createBeaconChain({ chainId: 1n }) })
    await other.refuse()
    const app = await world.start({ CONSENSUS_NODE: `${other.url},${world.consensus.url}` })
    world.writeMessage(1)
    await until('it runs', () => app.said('messages loaded').length > 0)

    await other.revive()
    await until('it is left out', () => app.said('on chain 1 instead of 560048').length > 0)
    world.ask(world.requestOf(1))
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    await other.close()
  })

  test.each([
    ['is missing', () => rmSync(world.folder, { recursive: true })],
    [
      'is not a folder',
      () => {
        rmSync(world.folder, { recursive: true })
        writeFileSync(world.folder, '')
      },
    ],
  ])('ends when the messages folder %s', async (_case, spoil) => {
    await setUp()
    spoil()
    const app = await world.start()
    await expect(app.ended).rejects.toThrow(world.folder)
  })
})
