import { afterEach, expect, test } from 'vitest'
import { SELECTORS } from '../../src/execution/abi.ts'
import { exitRequestLog } from '../sim/abi.ts'
import { seededAddress } from '../sim/contracts.ts'
import { seededWallet } from '../sim/ledger.ts'
import { createScene, type Scene } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { createWorld, cycles } from '../support/world.ts'

let close: () => Promise<void>
afterEach(() => close())

const setScene = async () => {
  const scene = await createScene('beside an honest node')
  close = scene.close
  return scene
}

/** Events with a transaction each, which the honest node does not know. */
function flood({ chain, forge, request }: Scene, count: number): readonly string[] {
  const signer = seededWallet('flood')
  return forge(() =>
    Array.from({ length: count }, (_, at) => {
      const logs = [exitRequestLog(chain.exitBus, request(100), at)]
      return chain.addTransaction({ signer, to: chain.exitBus, logs }).hash
    }),
  )
}

test('a node that hangs on what it invented does not keep the others waiting for each of them', async () => {
  const world = await createWorld({ executionNodes: [{}, {}] })
  close = world.close
  const { chain, beacon, execution: liar, requestOf, writeMessage, executionNodes } = world
  writeMessage(1)
  const signer = seededWallet('flood')
  const invented = new Set(
    Array.from({ length: 100 }, (_, at) => {
      const logs = [exitRequestLog(chain.exitBus, requestOf(2), at)]
      return chain.addTransaction({ signer, to: chain.exitBus, logs }).hash as string
    }),
  )
  executionNodes[1]?.onResult('eth_getTransactionByHash', (found) =>
    invented.has(found?.hash) ? null : found,
  )
  liar.faults.add({ kind: 'hang', match: { rpc: 'eth_getTransactionByHash' } })
  world.ask(requestOf(1))

  await world.start({ JOB_INTERVAL: '600000' }, { callTimeoutMs: 3_000 })
  await until('the genuine one is served', () => beacon.accepted.length > 0)
  const asked = new Set(liar.rpcCalls('eth_getTransactionByHash').map(({ params }) => params[0]))
  expect([...invented].filter((hash) => !asked.has(hash))).not.toEqual([])
  expect(world.consensus.postedExits()).toHaveLength(1)
})

test('errors about what a node invented itself do not make cycles fail', async () => {
  const scene = await setScene()
  const { liar, app, world, validator, request, posts } = scene
  const invented = flood(scene, 3)
  liar.faults.add({
    kind: 'rpc-error',
    code: -32_000,
    message: 'not today',
    match: { body: new RegExp(invented.join('|')) },
  })
  const genuine = validator()
  world.ask(request(genuine))
  await until('the genuine one is served', () => posts(genuine) > 0)
  await cycles(app, 3)

  expect(app.said('not proven')).toHaveLength(3)
  expect(app.said('cycle failed')).toEqual([])
  expect(await app.metric('event_security_verification', { result: 'error' })).toBe(0)
})

test('a transaction whose arguments are no arguments spoils no other proof', async () => {
  const { chain, forge, request, app, world, validator, posts } = await setScene()
  const words = ['f'.repeat(64), '40'.padStart(64, '0'), ''.padStart(64, '0')].join('')
  const data = `${SELECTORS.execute}${words}` as const
  forge(() => {
    const logs = [exitRequestLog(chain.exitBus, request(100), 0)]
    chain.addTransaction({ signer: seededWallet('flood'), to: chain.exitBus, logs, data })
  })
  chain.finalize()
  await until('it is judged', () => app.said('bad-calldata').length > 0)
  const genuine = validator()
  world.ask(request(genuine))
  await until('the genuine one is served', () => posts(genuine) > 0)
  expect(app.said('cycle failed')).toEqual([])
})

test('contracts that a node names without end are bounded, and the true ones stay', async () => {
  const { liar, chain, app, world, validator, request, posts } = await setScene()
  let named = 0
  liar.onResult('eth_call', (result, [{ to }]) => {
    if (to.toLowerCase() !== chain.exitBus) return result
    named += 1
    return `0x${seededAddress(`invented ${named}`).slice(2).padStart(64, '0')}`
  })
  await until('it named more than are kept', () => named > 40, 110_000)
  await cycles(app, 1)
  for (const node of world.executionNodes) node.clearCalls()
  const genuine = validator()
  world.ask(request(genuine))
  await until('the genuine one is served', () => posts(genuine) > 0)
  await cycles(app, 1)

  const searched = world.executionNodes
    .flatMap((node) => node.rpcCalls('eth_getLogs'))
    .map(({ params }) => params[0] as { address: string; topics: unknown[] })
    .filter(({ topics }) => topics.length === 1)
  expect(new Set(searched.map(({ address }) => address)).size).toBeLessThanOrEqual(32)
})
