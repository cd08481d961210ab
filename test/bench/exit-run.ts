import { setTimeout as sleep } from 'node:timers/promises'
import { MODULE_ABI } from '../sim/abi.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { type Inputs, pubkeysOf } from './inputs.ts'
import { createNetwork, type Network } from './network.ts'

/** A node answers a POST of an exit after about so long. */
const POST_MS = 50
const WAIT_MS = 60_000
const POLL_MS = 5

/** A daemon with all messages loaded that waits for requests, and wakes only at finality. */
async function onDuty<T>(
  inputs: Inputs,
  work: (network: Network, daemon: Daemon) => Promise<T>,
): Promise<T> {
  const network = await createNetwork(inputs)
  network.consensus.faults.add({
    kind: 'hold',
    match: { method: 'POST', path: /voluntary_exits$/ },
    get until() {
      return sleep(POST_MS)
    },
  })
  const daemon = await startDaemon(network.env(), network.home)
  try {
    await waitUntil('the messages are loaded', async () => {
      const usage = await daemon.usage().catch(() => undefined)
      return (usage?.loads ?? 0) > 0 && network.consensus.openStreams() > 0
    })
    return await Promise.race([work(network, daemon), daemon.died])
  } finally {
    daemon.died.catch(() => {})
    await daemon.stop()
    await network.close()
  }
}

const posted = (network: Network) =>
  network.consensus.calls.filter(
    ({ method, path }) => method === 'POST' && path.endsWith('/voluntary_exits'),
  )

async function waitUntil(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS
  while (!(await test())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await sleep(POLL_MS)
  }
}

const EVENTS = 20
const REQUESTS_PER_EVENT = 5
/** How far the execution node is behind the event of the consensus node, at most. */
const MAX_LAG_MS = 2_000
/** Finality comes once in an epoch; here as often as the daemon takes it. */
const BETWEEN_MS = 2_500

/** Milliseconds from the moment at which a request is final to the POST of its exit, for each. */
export const runExits = (inputs: Inputs): Promise<readonly number[]> =>
  onDuty(inputs, async (network) => {
    const { beacon, chain } = network
    const latencies: number[] = []
    for (let event = 0; event < EVENTS; event += 1) {
      const first = event * REQUESTS_PER_EVENT
      network.ask(Array.from({ length: REQUESTS_PER_EVENT }, (_, i) => first + i))
      beacon.advance()
      beacon.finalize()
      await sleep((event / (EVENTS - 1)) * MAX_LAG_MS)
      chain.finalize()
      const finalAt = Date.now()
      const want = first + REQUESTS_PER_EVENT
      await waitUntil('the exits are posted', () => posted(network).length >= want)
      latencies.push(
        ...posted(network)
          .slice(first, want)
          .map(({ at }) => at - finalAt),
      )
      await sleep(BETWEEN_MS)
    }
    return latencies
  })

const ORDER_PATH = /pending_consolidations$|finalized\/validators$/
const ORDER_CALL = new RegExp(
  ['getSigningKeys', 'getNodeOperatorSummary', 'getNodeOperator']
    .map((name) => MODULE_ABI.getFunction(name)?.selector)
    .join('|'),
)

/**
 * What it costs when a request is served and the order of the operator's keys is read again after it:
 * milliseconds of processor time for both, and calls for the order.
 */
export const runNextExits = (inputs: Inputs) =>
  onDuty(inputs, async ({ beacon, chain, consensus, execution, ask }, daemon) => {
    const pubkeys = pubkeysOf(inputs)
    const [module] = chain.modules
    if (module !== undefined) module.keys = { 5: pubkeys }
    const before = await daemon.usage()
    execution.clearCalls()
    consensus.clearCalls()
    ask([0])
    chain.finalize()
    beacon.advance()
    beacon.finalize()
    const last = pubkeys.at(-1) ?? ''
    await waitUntil('the last keys are looked up', () =>
      consensus.calls.some(({ body }) => body.includes(last)),
    )
    await sleep(BETWEEN_MS)
    const after = await daemon.usage()
    const calls = [...execution.calls, ...consensus.calls].filter(
      ({ path, body }) => ORDER_PATH.test(path) || ORDER_CALL.test(body),
    )
    return { cpuMs: after.cpuMs - before.cpuMs, calls: calls.length }
  })

/** Seconds from the moment at which one report is final to the last of its exits. */
export const runBurst = (inputs: Inputs, requests: number): Promise<number> =>
  onDuty(inputs, async (network) => {
    const { beacon, chain } = network
    network.ask(
      Array.from({ length: requests }, (_, i) => i),
      requests,
    )
    const finalAt = Date.now()
    chain.finalize()
    beacon.advance()
    beacon.finalize()
    await waitUntil('all exits are posted', () => posted(network).length >= requests)
    const times = posted(network).map(({ at }) => at)
    return (Math.max(...times) - finalAt) / 1_000
  })
