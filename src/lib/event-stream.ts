import { createParser } from 'eventsource-parser'
import { createHttpTarget, type OpenAnswer, type Send, send } from './http.ts'
import { messageOf } from './message-of.ts'
import { onAbort } from './on-abort.ts'

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
  readonly send?: Send
  /** @returns whether this is an event that counts as a sign of life; it must not throw */
  readonly onEvent: (name: string, data: string) => boolean
  /** The stream is over after so many milliseconds without a sign of life, from the first on. */
  readonly silenceMs: number
}

/**
 * Bytes that a stream may send between two signs of life. The parser buffers a line, and an event
 * of many lines; with this bound, neither can be longer.
 */
const MAX_BYTES_PER_EVENT = 1024 * 1024
/** Bytes that a stream may send in a minute, so that a flood of events costs no time either. */
const MAX_BYTES_PER_MINUTE = 4 * 1024 * 1024
const MINUTE_MS = 60_000

/**
 * Listens to one stream of server-sent events until it ends, once: connecting again is up to the
 * caller. Redirects are not followed.
 *
 * @returns why it is over; never rejects
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function listenOnce(parts: EventStreamParts, signal: AbortSignal): Promise<StreamEnd> {
  const { silenceMs } = parts
  if (signal.aborted) return { why: 'stopped' }
  const connection = new AbortController()
  let end: StreamEnd | undefined
  const close = (why: StreamEnd) => {
    end ??= why
    connection.abort(new Error(why.why))
  }
  const why = `silent for ${silenceMs / 1_000} s`
  const timer = setTimeout(() => close({ why, silent: true }), silenceMs)
  const stop = onAbort(signal, () => close({ why: 'stopped' }))
  try {
    const { urlOf, headers } = createHttpTarget(parts.baseUrl, parts.headers)
    const answer = await (parts.send ?? send)(urlOf(parts.path), {
      method: 'GET',
      headers: { accept: 'text/event-stream', 'cache-control': 'no-store', ...headers },
      signal: connection.signal,
    })
    end = refusalOf(answer) ?? end
    if (end === undefined) {
      await readEvents(answer.body, parts, () => timer.refresh(), connection.signal)
    }
    return end ?? { why: 'the stream ended' }
  } catch (error) {
    return end ?? { why: messageOf(error) }
  } finally {
    clearTimeout(timer)
    stop()
    connection.abort()
  }
}

function refusalOf({ status, headers }: OpenAnswer): StreamEnd | undefined {
  if (status !== 200) return { why: `HTTP ${status}`, refusedWith: status }
  if (/^text\/event-stream\b/i.test(headers['content-type'] ?? '')) return undefined
  return { why: 'the answer is no event stream', refusedWith: status }
}

async function readEvents(
  body: AsyncIterable<Uint8Array>,
  { onEvent }: EventStreamParts,
  onLife: () => void,
  signal: AbortSignal,
): Promise<void> {
  const budget = createBudget()
  const parser = createParser({
    onEvent({ event = 'message', data }) {
      if (signal.aborted || !onEvent(event, data)) return
      onLife()
      budget.restart()
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    budget.spend(chunk.byteLength)
    parser.feed(decoder.decode(chunk, { stream: true }))
  }
}

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
