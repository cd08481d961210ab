import { afterEach, beforeEach, expect, test } from 'vitest'
import { createExecutionChain } from './execution-chain.ts'
import { type ExecutionNode, startExecutionNode } from './execution-node.ts'
import type { FaultKind } from './faults.ts'
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts'

let node: ExecutionNode
let hook: WebhookReceiver
beforeEach(async () => {
  node = await startExecutionNode({ chain: createExecutionChain() })
  hook = await startWebhookReceiver()
})
afterEach(async () => {
  await Promise.all([node.close(), hook.close()])
})

const ask = (method: string, signal?: AbortSignal) =>
  fetch(node.url, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params: [] }),
    redirect: 'manual',
    ...(signal && { signal }),
  })
const good = async () => ((await (await ask('eth_chainId')).json()) as { result: unknown }).result
const order = (fault: FaultKind) => node.faults.add({ ...fault, times: 1 })

test('a refusing node comes back on the same port', async () => {
  await node.refuse()
  await expect(ask('eth_chainId')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  await node.revive()
  expect(await good()).toBe('0x88bb0')
})

test('a fault hits the calls it was ordered for, as often as ordered', async () => {
  const fault = node.faults.add({
    kind: 'status',
    status: 503,
    match: { rpc: /^eth_b/ },
    skip: 1,
    times: 2,
  })
  const statuses: number[] = []
  for (const method of [
    'eth_chainId',
    'eth_blockNumber',
    'eth_blockNumber',
    'eth_blockNumber',
    'eth_blockNumber',
  ]) {
    statuses.push((await ask(method)).status)
  }
  expect(statuses).toEqual([200, 200, 503, 503, 200])
  expect(fault.hits).toBe(2)
})

test('answers that are wrong', async () => {
  order({ kind: 'rpc-error', code: 35, message: 'range too wide' })
  expect(await (await ask('eth_chainId')).json()).toMatchObject({ id: 7, error: { code: 35 } })
  order({ kind: 'null' })
  expect(await good()).toBeNull()
  order({ kind: 'half-json' })
  await expect(good()).rejects.toThrow(SyntaxError)
  order({ kind: 'html', status: 502 })
  expect(await (await ask('eth_chainId')).text()).toMatch('<html>')
  order({ kind: 'redirect', location: 'http://127.0.0.1:1/' })
  expect((await ask('eth_chainId')).status).toBe(307)
  order({ kind: 'wrong-schema', body: { jsonrpc: '2.0', id: 7, result: { deep: [] } } })
  expect(await good()).toEqual({ deep: [] })
  order({ kind: 'trickle', everyMs: 1 })
  expect(await good()).toBe('0x88bb0')
  expect(await good()).toBe('0x88bb0')
})

test('answers that never end, and a close that ends them', async () => {
  order({ kind: 'reset' })
  await expect(ask('eth_chainId')).rejects.toThrow()
  for (const kind of ['hang', 'hang-body', 'endless'] as const) {
    order({ kind })
    const text = ask('eth_chainId', AbortSignal.timeout(60)).then((answer) => answer.text())
    await expect(text).rejects.toMatchObject({ name: 'TimeoutError' })
  }
  order({ kind: 'endless' })
  const open = ask('eth_chainId').then((answer) => answer.text())
  const ended = expect(open).rejects.toThrow()
  while (node.calls.length < 5) await new Promise(setImmediate)
  await node.close()
  await ended
})

test('a held answer comes when it is let go', async () => {
  let release = () => {}
  order({ kind: 'hold', until: new Promise<void>((resolve) => (release = resolve)) })
  const held = good()
  release()
  expect(await held).toBe('0x88bb0')
})

test('the webhook receiver remembers what it was told', async () => {
  hook.faults.add({ kind: 'status', status: 500, times: 1 })
  const send = () =>
    fetch(hook.url, {
      method: 'POST',
      body: '{"validatorIndex":"1"}',
      headers: { 'idempotency-key': 'k' },
    })
  expect([(await send()).status, (await send()).status]).toEqual([500, 200])
  expect(hook.bodies()).toEqual([{ validatorIndex: '1' }, { validatorIndex: '1' }])
  expect(hook.calls[1]).toMatchObject({ path: '/exit', headers: { 'idempotency-key': 'k' } })
})
