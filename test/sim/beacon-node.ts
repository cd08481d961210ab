import type { BeaconChain } from './beacon-chain.ts'
import { createEventStreams } from './beacon-events.ts'
import { routes } from './beacon-routes.ts'
import type { Answer, Call } from './faults.ts'
import { json, type Stream, startHttpServer } from './http-server.ts'

/** How the clients differ where it shows from outside. */
export type Flavour = 'lighthouse' | 'teku' | 'prysm' | 'nimbus' | 'lodestar'

export type BeaconNodeSettings = {
  name: string
  flavour: Flavour
  isSyncing: boolean
  isOptimistic: boolean
  elOffline: boolean
  /** Slots; follows `lag` by default. */
  syncDistance: number | undefined
  /** Epochs that its head is behind. */
  lag: number
  /** POST of validators: false answers `postRefusal`. */
  postSupported: boolean
  postRefusal: 400 | 403 | 404 | 405 | 501
  /** Most ids of one POST, and of one GET. */
  maxBatch: number
  maxGetIds: number
  batchRefusal: 400 | 413 | 414
  getRefusal: 400 | 414
  /** A validator index for which it answers a whole batch with `unbearableRefusal`. */
  unbearableId: string | undefined
  unbearableRefusal: 400 | 500
  /** Milliseconds that it takes for each validator id. */
  msPerId: number
  /** False: 404 for pending partial withdrawals, as before Electra. */
  partialWithdrawalsSupported: boolean
  /** `pending_consolidations` is served. */
  consolidationsSupported: boolean
  /** False: answers 200 to an exit and forgets it. */
  keepsExits: boolean
  /** True: an error answer repeats the whole message, signature and all. */
  echoesExit: boolean
  /** `silent`: the stream stays open and says nothing. `refused`: 503 for a new stream. */
  eventStream: 'on' | 'silent' | 'refused'
  /** `user:password` */
  basicAuth: string | undefined
}
// biome-ignore lint/suspicious/noExplicitAny: a lie changes whatever it likes
export type BodyTransform = (body: any, call: Call) => unknown

export type BeaconNodeOptions = Partial<BeaconNodeSettings> & {
  readonly chain: BeaconChain
  readonly port?: number
  readonly basePath?: string
}

/** How many validator ids a request names. */
const idsIn = ({ query, body }: Call): number =>
  query.getAll('id').length +
  (/"ids":\[([^\]]*)\]/
    .exec(body)?.[1]
    ?.split(',')
    .filter((id) => id !== '').length ?? 0)

/** One consensus node over a chain. Several may serve the same one, each with its own view. */
export async function startBeaconNode(options: BeaconNodeOptions) {
  const { chain, port, basePath, ...given } = options
  const settings: BeaconNodeSettings = {
    name: 'node',
    flavour: 'lighthouse',
    isSyncing: false,
    isOptimistic: false,
    elOffline: false,
    syncDistance: undefined,
    lag: 0,
    postSupported: true,
    postRefusal: 405,
    maxBatch: Infinity,
    maxGetIds: 64,
    batchRefusal: 414,
    getRefusal: 414,
    unbearableId: undefined,
    unbearableRefusal: 400,
    msPerId: 0,
    partialWithdrawalsSupported: true,
    consolidationsSupported: true,
    keepsExits: true,
    echoesExit: false,
    eventStream: 'on',
    basicAuth: undefined,
    ...given,
  }
  const streams = createEventStreams(chain, settings)
  let transforms: { path: RegExp; transform: BodyTransform }[] = []

  async function handle(call: Call): Promise<Answer | Stream> {
    const { basicAuth } = settings
    const expected = basicAuth && `Basic ${Buffer.from(basicAuth).toString('base64')}`
    if (expected !== undefined && call.headers.authorization !== expected) {
      return json({ code: 401, message: 'Unauthorized' }, 401)
    }
    if (call.path === '/eth/v1/events') return streams.open(call)
    const ms = settings.msPerId * idsIn(call)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    for (const { method, path, answer } of routes) {
      const found = call.method === method ? path.exec(call.path) : null
      if (found === null) continue
      const said = answer({ chain, settings, call, id: found[1] ?? '', second: found[2] ?? '' })
      return lie(said, call)
    }
    return json({ code: 404, message: 'NOT_FOUND' }, 404)
  }

  function lie(truth: Answer, call: Call): Answer {
    const fitting = transforms.filter(({ path }) => path.test(call.path))
    if (fitting.length === 0) return truth
    let body: unknown = truth.body === '' ? null : JSON.parse(truth.body)
    for (const { transform } of fitting) body = transform(body, call)
    return { ...truth, body: JSON.stringify(body) }
  }

  const server = await startHttpServer(handle, {
    ...(port !== undefined && { port }),
    ...(basePath !== undefined && { basePath }),
  })

  return Object.assign(server, {
    set: (change: Partial<BeaconNodeSettings>) => Object.assign(settings, change),
    /** A lie: changes the truth just before it is said. Returns how to stop lying. */
    onResult(path: RegExp, transform: BodyTransform): () => void {
      const entry = { path, transform }
      transforms.push(entry)
      return () => {
        transforms = transforms.filter((one) => one !== entry)
      }
    },
    tellTruth() {
      transforms = []
    },
    /** Ends every open event stream. */
    dropStreams: streams.drop,
    openStreams: streams.count,
    /** Exits that were posted here, whatever became of them. */
    postedExits: (): unknown[] =>
      server.calls
        .filter(({ method, path }) => method === 'POST' && path.endsWith('/voluntary_exits'))
        .map(({ body }) => JSON.parse(body)),
    async close() {
      streams.end()
      await server.refuse()
    },
  })
}
export type BeaconNode = Awaited<ReturnType<typeof startBeaconNode>>
