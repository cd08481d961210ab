import { EventSource, type FetchLike } from 'eventsource'
import { createHttpTarget } from './http.ts'

/** Why a stream is over. */
export type StreamEnd = {
  readonly why: string
  /** HTTP status, where the server answered and did not open a stream. */
  readonly refusedWith?: number
  /** It stayed open without a sign of life. */
  readonly silent?: boolean
}

export type EventStreamParts = {
  /** Base path and credentials as in `createHttpTarget`. */
  readonly baseUrl: string
  /** Beside those. */
  readonly headers?: Readonly<Record<string, string>>
  readonly path: string
  readonly fetch: typeof fetch
  /** Events of other names are ignored. */
  readonly names: readonly string[]
  /** @returns whether this is an event that counts as a sign of life; it must not throw */
  readonly onEvent: (name: string, data: string) => boolean
  /** The stream is over after so many milliseconds without a sign of life, from the first on. */
  readonly silenceMs: number
}

/**
 * Bytes that a stream may send between two signs of life. The library buffers a line, and an event
 * of many lines, without a bound of its own; with this one, neither can be longer.
 */
const MAX_BYTES_PER_EVENT = 1024 * 1024
/** Bytes that a stream may send in a minute, so that a flood of events costs no time either. */
const MAX_BYTES_PER_MINUTE = 4 * 1024 * 1024
const MINUTE_MS = 60_000
const NO_STREAM = 'the answer is no event stream'

/**
 * Listens to one stream of server-sent events until it ends, once: connecting again is up to the
 * caller. Redirects are not followed.
 *
 * @returns why it is over; never rejects
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function listenOnce(parts: EventStreamParts, signal: AbortSignal): Promise<StreamEnd> {
  const { urlOf, headers } = createHttpTarget(parts.baseUrl, parts.headers)
  const connection = new AbortController()
  const budget = createBudget()
  const source = new EventSource(urlOf(parts.path), {
    fetch: boundedFetch(parts.fetch, headers, budget, connection.signal),
  })
  try {
    return await endOf(source, parts, budget.restart, signal)
  } finally {
    // Only now, and not in the listener: the library sets its timer for the next attempt after it.
    source.close()
    connection.abort()
  }
}

function endOf(
  source: EventSource,
  { names, onEvent, silenceMs }: EventStreamParts,
  onLife: () => void,
  signal: AbortSignal,
): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const finish = (end: StreamEnd) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve(end)
    }
    const stop = () => finish({ why: 'stopped' })
    const why = `silent for ${silenceMs / 1_000} s`
    const timer = setTimeout(() => finish({ why, silent: true }), silenceMs)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    for (const name of names) {
      source.addEventListener(name, ({ data }) => {
        if (signal.aborted || !onEvent(name, String(data))) return
        timer.refresh()
        onLife()
      })
    }
    source.addEventListener('error', ({ code, message }) => {
      // A stream may send an event that is called "error": that is not the end of it.
      if (source.readyState === source.OPEN) return
      if (code === undefined) finish({ why: message ?? 'the stream ended' })
      else finish({ why: code === 200 ? NO_STREAM : `HTTP ${code}`, refusedWith: code })
    })
  })
}

type Budget = ReturnType<typeof createBudget>

function createBudget() {
  let sinceLife = 0
  let minute = performance.now()
  let inMinute = 0
  return {
    restart: () => {
      sinceLife = 0
    },
    /** @throws when the stream sends more than any beacon node has to say */
    spend(bytes: number): void {
      if (performance.now() - minute > MINUTE_MS) {
        minute = performance.now()
        inMinute = 0
      }
      sinceLife += bytes
      inMinute += bytes
      if (sinceLife > MAX_BYTES_PER_EVENT) throw new Error('the stream sends an endless event')
      if (inMinute > MAX_BYTES_PER_MINUTE) throw new Error('the stream sends too much')
    },
  }
}

function boundedFetch(
  fetchFn: typeof fetch,
  headers: Readonly<Record<string, string>>,
  budget: Budget,
  signal: AbortSignal,
): FetchLike {
  return async (url, init) => {
    const response = await fetchFn(url, {
      redirect: 'manual',
      headers: { ...init.headers, ...headers },
      signal,
    })
    const bounded = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        budget.spend(chunk.byteLength)
        controller.enqueue(chunk)
      },
    })
    return {
      status: response.status,
      url: response.url,
      redirected: response.redirected,
      headers: response.headers,
      body: response.body?.pipeThrough(bounded) ?? null,
    }
  }
}
