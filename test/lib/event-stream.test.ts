import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listenOnce } from '../../src/lib/event-stream.ts'
import type { Send } from '../../src/lib/http.ts'

const RUNS = { seed: 7_044, numRuns: 300 }
const never = new AbortController().signal

/** A server that sends these bytes, in these pieces, and ends. */
function hear(
  chunks: readonly Uint8Array[],
  type = 'text/event-stream; charset=utf-8',
  status = 200,
) {
  const send: Send = async () => ({
    status,
    headers: { 'content-type': type },
    body: (async function* () {
      yield* chunks
    })(),
  })
  const heard: (readonly [string, string])[] = []
  const ended = listenOnce(
    {
      baseUrl: 'http://node.example',
      path: '/events',
      send,
      onEvent: (name, data) => heard.push([name, data]) > 0,
      silenceMs: 60_000,
    },
    never,
  )
  return ended.then((end) => ({ end, heard }))
}

/** Cut at these places, modulo its length. */
function cut(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
}

test('every event is heard, wherever the stream is cut', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom('head', 'finalized_checkpoint'), fc.string({ unit: 'grapheme' })),
      ),
      fc.array(fc.nat(5_000)),
      fc.constantFrom('\n', '\r\n'),
      async (events, places, end) => {
        const written = events.map(([name, text]) => [name, JSON.stringify(text)] as const)
        const text = written.map(([name, data]) => `event: ${name}${end}data: ${data}${end}${end}`)
        const { heard } = await hear(cut(Buffer.from(text.join('')), places))
        expect(heard).toEqual(written)
      },
    ),
    RUNS,
  ))

test('whatever a server sends, the stream ends with a reason', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 200 })),
      fc.constantFrom('text/event-stream', 'TEXT/EVENT-STREAM', 'text/html', ''),
      fc.constantFrom(200, 204, 301, 404, 500),
      async (chunks, type, status) => {
        const { end, heard } = await hear(chunks, type, status)
        expect(end.why).not.toBe('')
        const isStream = status === 200 && /event-stream/i.test(type)
        expect(end.refusedWith).toBe(isStream ? undefined : status)
        if (!isStream) expect(heard).toEqual([])
      },
    ),
    RUNS,
  ))
