import { getAddress } from 'ethers'
import { afterEach, describe, expect, test } from 'vitest'
import { createExecutionNode } from '../../src/execution/execution-node.ts'
import { createLogReader } from '../../src/execution/logs.ts'
import { createDriftDetector } from '../../src/jobs/allowlist-drift.ts'
import { createEndpoints } from '../../src/lib/endpoints.ts'
import { createHttpClient } from '../../src/lib/http.ts'
import { parseAddress } from '../../src/lib/primitives.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles, type World, type WorldOptions } from '../support/world.ts'

let world: World
const setUp = async (options?: WorldOptions) => {
  world = await createWorld(options)
  return world
}
afterEach(() => world?.close())

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const GET_MEMBERS = { body: /0x9eab5253/ }

describe('the allowlist against the oracle on chain', () => {
  test('no word when it names the signers, delegates included', async () => {
    await setUp({ execution: { delegated: [0, 2] } })
    const app = await world.start()
    await until('it was compared', async () => (await app.metric('oracle_allowlist_missing')) === 0)

    expect(await app.metric('oracle_allowlist_stale')).toBe(0)
    expect(app.said('ORACLE_ADDRESSES_ALLOWLIST is not')).toEqual([])
  })

  test('a replaced member is told once at start, with the line to paste', async () => {
    await setUp()
    const env = world.env()
    const [gone] = world.chain.members.splice(0, 1)
    const joined = world.chain.addMember('new', true)
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: env.ORACLE_ADDRESSES_ALLOWLIST })
    const [line] = await until('it is told', () => {
      const lines = app.said('ORACLE_ADDRESSES_ALLOWLIST is not')
      return lines.length > 0 && lines
    })
    await cycles(app, 3)

    expect(app.said('ORACLE_ADDRESSES_ALLOWLIST is not')).toHaveLength(1)
    expect(line?.level).toBe('warn')
    expect(line?.message).toContain(`missing ${joined.wallet.address.toLowerCase()}`)
    expect(line?.message).toContain(`stale ${gone?.wallet.address.toLowerCase()}`)
    const pasted = line?.message.split('ORACLE_ADDRESSES_ALLOWLIST=')[1] ?? ''
    expect(JSON.parse(pasted).sort()).toEqual(world.chain.signerAddresses().map(getAddress).sort())
    expect(await app.metric('oracle_allowlist_missing')).toBe(1)
    expect(await app.metric('oracle_allowlist_stale')).toBe(1)
  })

  const lineIn = (message: string | undefined) =>
    (JSON.parse(message?.split('ORACLE_ADDRESSES_ALLOWLIST=')[1] ?? '[]') as string[]).map((one) =>
      one.toLowerCase(),
    )
  const lower = (addresses: readonly string[]) => addresses.map((one) => one.toLowerCase())

  test('a key that is announced is told once, with the time and the line, before it signs', async () => {
    await setUp({ execution: { delegated: [1] } })
    const env = world.env()
    const delegate = `0x${'12'.repeat(20)}` as const
    Object.assign(world.chain.members[1] ?? {}, {
      next: { delegate, activeFrom: Date.UTC(2030, 0, 1) / 1_000 },
    })
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: env.ORACLE_ADDRESSES_ALLOWLIST })
    await until('it is told', () => app.said('oracle keys are announced').length > 0)
    await cycles(app, 3)

    const [line, ...more] = app.said('oracle keys are announced')
    expect(more).toEqual([])
    expect(line?.level).toBe('warn')
    expect(line?.message).toContain(`${delegate} from 2030-01-01T00:00:00.000Z`)
    expect(lineIn(line?.message).sort()).toEqual(
      [...lower(world.chain.signerAddresses()), delegate].sort(),
    )
    expect(app.said('ORACLE_ADDRESSES_ALLOWLIST is not')).toEqual([])
    expect(await app.metric('oracle_allowlist_announced')).toBe(1)
    expect(await app.metric('oracle_allowlist_missing')).toBe(0)
  })

  test('a seat without a signer is told once, and its contract is nobody to list', async () => {
    await setUp({ execution: { delegated: [1] } })
    const [, revoked] = world.chain.members
    Object.assign(revoked ?? {}, { revoked: true })
    const allowlist = world.chain.signerAddresses().toSpliced(1, 1)
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(allowlist) })
    await until('it is told', () => app.said('oracle members without a signer').length > 0)
    await cycles(app, 3)

    expect(app.said('oracle members without a signer')).toHaveLength(1)
    expect(app.said(String(revoked?.contract))).toHaveLength(1)
    expect(await app.metric('oracle_seats_vacant')).toBe(1)
    expect(await app.metric('oracle_allowlist_missing')).toBe(0)
  })

  test('a former key stays in the line while an open exit is proven by it, or it voted lately', async () => {
    await setUp()
    const env = world.env()
    const { votes } = world.ask(world.requestOf(1))
    const gone = world.chain.members.splice(0, 3)
    world.chain.addMember('new')
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: env.ORACLE_ADDRESSES_ALLOWLIST })
    const [line] = await until('it is told', () => {
      const lines = app.said('ORACLE_ADDRESSES_ALLOWLIST is not')
      return lines.length > 0 && lines
    })

    const voters = lower(votes.map(({ from }) => from))
    const silent = lower(gone.map(({ wallet }) => wallet.address)).filter(
      (one) => !voters.includes(one),
    )
    expect(voters).toHaveLength(2)
    expect(silent).toHaveLength(1)
    expect(lineIn(line?.message).sort()).toEqual(
      [...lower(world.chain.signerAddresses()), ...voters].sort(),
    )
    expect(line?.message).toContain(`stale ${silent[0]};`)
    expect(await app.metric('oracle_allowlist_stale')).toBe(1)
  })

  test('a former key that proves an open exit stays in the line, however long ago it voted', async () => {
    await setUp()
    const env = world.env()
    const { votes } = world.ask(world.requestOf(1))
    world.chain.mine(50_401)
    world.chain.finalize()
    world.chain.members.splice(0, 3)
    world.chain.addMember('new')
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: env.ORACLE_ADDRESSES_ALLOWLIST })
    const [line] = await until('it is told', () => {
      const lines = app.said('ORACLE_ADDRESSES_ALLOWLIST is not')
      return lines.length > 0 && lines
    })

    const needed = lineIn(line?.message).filter(
      (one) => !lower(world.chain.signerAddresses()).includes(one),
    )
    expect(needed.length).toBeGreaterThan(0)
    expect(lower(votes.map(({ from }) => from))).toEqual(expect.arrayContaining(needed))
  })

  test('a former key that voted more than 7 days ago, for what is over, leaves the line', async () => {
    await setUp()
    const env = world.env()
    const [member] = world.chain.members
    world.chain.submitReport({ requests: [], signers: [0, 1] })
    world.chain.mine(50_401)
    world.chain.finalize()
    world.chain.members.splice(0, 1)
    const app = await world.start({ ORACLE_ADDRESSES_ALLOWLIST: env.ORACLE_ADDRESSES_ALLOWLIST })
    const [line] = await until('it is told', () => {
      const lines = app.said('ORACLE_ADDRESSES_ALLOWLIST is not')
      return lines.length > 0 && lines
    })

    expect(line?.message).toContain(`stale ${member?.wallet.address.toLowerCase()}`)
    expect(lineIn(line?.message).sort()).toEqual(lower(world.chain.signerAddresses()).sort())
  })

  test('an unlisted signer makes it look again, and is trusted no more for it', async () => {
    await setUp()
    const app = await world.start()
    await until('it was compared', async () => (await app.metric('oracle_allowlist_missing')) === 0)
    world.writeMessage(1)
    const joined = world.chain.addMember('new')
    world.chain.submitReport({
      requests: [world.requestOf(1)],
      signers: [joined, joined],
    })
    world.chain.finalize()
    await until('it is told', () => app.said('ORACLE_ADDRESSES_ALLOWLIST is not').length > 0)
    await cycles(app)

    expect(app.said('unlisted-signer').length).toBeGreaterThan(0)
    expect(await app.metric('oracle_allowlist_missing')).toBe(1)
    expect(world.consensus.postedExits()).toEqual([])
  })

  test.each([
    ['hang', { kind: 'hang' }],
    ['fail', { kind: 'status', status: 500 }],
    ['lie', { kind: 'wrong-schema', body: { result: '0x00' } }],
  ] as const)('nodes that %s change nothing else', async (_, fault) => {
    await setUp()
    world.execution.faults.add({ ...fault, match: GET_MEMBERS })
    world.writeMessage(1)
    world.ask(world.requestOf(1))
    // A call that hangs would hang for good.
    const app = await world.start({}, { callTimeoutMs: 600_000 })
    await until('the exit is sent', () => world.beacon.accepted.length > 0)
    await cycles(app)

    expect(await app.metric('oracle_allowlist_missing')).toBeUndefined()
    expect(await app.metric('job_duration_seconds_count', { result: 'error' })).toBeUndefined()
    expect(app.said(/"level":"(warn|error)"/)).toEqual([])
    expect(await app.metric('node_up', { layer: 'execution' })).toBe(1)
    await app.end()
  })

  test('another node answers for one that fails', async () => {
    await setUp({ executionNodes: [{}, {}] })
    world.executionNodes[0]?.faults.add({ kind: 'reset', match: GET_MEMBERS })
    const app = await world.start()
    await until('it was compared', async () => (await app.metric('oracle_allowlist_missing')) === 0)
  })

  test('nobody looks in TRUST_MODE', async () => {
    await setUp()
    const app = await world.start({ TRUST_MODE: 'true' })
    await cycles(app)
    expect(world.execution.calls.filter(({ body }) => GET_MEMBERS.body.test(body))).toEqual([])
    expect(await app.metric('oracle_allowlist_missing')).toBeUndefined()
  })
})

describe('the detector', () => {
  /** Over a simulated node, with a clock of its own. */
  async function setUpDetector() {
    const { chain, execution } = await setUp()
    const lines: string[] = []
    const counts: [number, number][] = []
    const time = { now: 0 }
    const allowlist = chain.signerAddresses().flatMap((one) => parseAddress(one) ?? [])
    const node = createExecutionNode(createHttpClient(execution.url), () => {})
    const say = (level: string) => (message: string) => lines.push(`${level} ${message}`)
    const detector = createDriftDetector({
      config: { oracleAllowlist: allowlist, trustMode: false, proof: 'oracle' },
      nodes: createEndpoints([{ host: 'a', node }], () => false),
      readLogs: createLogReader(10_000),
      consensus: () => parseAddress(chain.consensus),
      log: { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') },
      metrics: {
        set(name, value) {
          if (name === 'oracle_allowlist_missing') counts.push([Number(value), 0])
          if (name === 'oracle_allowlist_stale') counts.at(-1)?.splice(1, 1, Number(value))
        },
      },
      now: () => time.now,
      lifetime: new AbortController().signal,
    })
    const looks = () => execution.calls.filter(({ body }) => GET_MEMBERS.body.test(body)).length
    return { detector, chain, execution, lines, counts, time, looks }
  }
  /** What was asked before is among the calls once the same node has answered others. */
  async function settle() {
    for (let turn = 0; turn < 3; turn += 1) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
      const headers = { 'content-type': 'application/json' }
      await (await fetch(world.execution.url, { method: 'POST', headers, body })).text()
    }
  }

  test('looks hourly, and says a drift when it changes and when it is over', async () => {
    const { detector, chain, time, lines, counts, looks } = await setUpDetector()
    const look = async (expected: number) => {
      detector.cycleEnded()
      await until('looked', () => counts.length === expected)
      await settle()
    }
    await look(1)
    detector.cycleEnded()
    time.now += HOUR - 1
    detector.cycleEnded()
    await settle()
    expect(looks()).toBe(1)

    chain.addMember('x')
    time.now += 1
    await look(2)
    time.now += HOUR
    await look(3)
    chain.addMember('y')
    time.now += HOUR
    await look(4)
    chain.members.length -= 2
    time.now += HOUR
    await look(5)

    expect(counts).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
      [2, 0],
      [0, 0],
    ])
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'warn', 'info'])
  })

  test('looks at once for an unlisted signer, and then once an hour at most', async () => {
    const { detector, time, looks, counts } = await setUpDetector()
    const doubt = async (expected: number) => {
      detector.unlistedSigner()
      detector.cycleEnded()
      await until('looked', () => counts.length === expected)
      await settle()
      expect(looks()).toBe(expected)
    }
    await doubt(1)
    time.now += 1
    await doubt(2)
    time.now += HOUR - 1
    await doubt(2)
    time.now += 1
    await doubt(3)
  })

  test('tries again after growing pauses when no node tells', async () => {
    const { detector, execution, time, lines, looks, counts } = await setUpDetector()
    execution.faults.add({ kind: 'status', status: 500, match: GET_MEMBERS })
    const pauses: number[] = []
    for (let minutes = 0; minutes < 200; minutes += 1) {
      const before = looks()
      detector.cycleEnded()
      detector.unlistedSigner()
      if (pauses.length === 0 || isDueAfter(pauses, minutes)) {
        await until('failed', () => lines.length === pauses.length + 1)
        pauses.push(minutes)
      }
      expect(looks()).toBeLessThanOrEqual(before + 1)
      time.now += MINUTE
    }
    expect(pauses).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183])
    expect(looks()).toBe(pauses.length)
    expect(lines.every((line) => line.startsWith('debug'))).toBe(true)

    execution.faults.clear()
    time.now += HOUR
    detector.cycleEnded()
    await until('looked', () => counts.length === 1)
  })

  const isDueAfter = (looks: readonly number[], minutes: number) =>
    minutes - (looks.at(-1) ?? 0) >= Math.min(2 ** (looks.length - 1), 60)
})
