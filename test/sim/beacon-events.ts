import type { ServerResponse } from 'node:http'
import type { BeaconChain } from './beacon-chain.ts'
import type { BeaconNodeSettings } from './beacon-node.ts'
import type { Answer, Call } from './faults.ts'
import { json, type Stream } from './http-server.ts'

const TOPICS = ['head', 'finalized_checkpoint'] as const

/** Server-sent events of one node, fed by its chain. */
export function createEventStreams(chain: BeaconChain, settings: BeaconNodeSettings) {
  const open = new Map<ServerResponse, ReadonlySet<string>>()
  const listeners = TOPICS.map((topic) => {
    const listener = (data: unknown) => {
      if (settings.eventStream !== 'on') return
      for (const [res, topics] of open) {
        if (topics.has(topic)) res.write(`event: ${topic}\ndata: ${JSON.stringify(data)}\n\n`)
      }
    }
    chain.events.on(topic, listener)
    return { topic, listener }
  })

  function drop(): void {
    for (const res of open.keys()) res.socket?.destroy()
    open.clear()
  }

  return {
    open(call: Call): Answer | Stream {
      const topics = call.query.getAll('topics').flatMap((one) => one.split(','))
      if (topics.length === 0) return json({ code: 400, message: 'no topics' }, 400)
      if (settings.eventStream === 'refused') return json({ code: 503, message: 'busy' }, 503)
      return (res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
        res.flushHeaders()
        open.set(res, new Set(topics))
        res.on('close', () => open.delete(res))
      }
    },
    drop,
    count: () => open.size,
    /** Nothing is heard of the chain any more. */
    end(): void {
      drop()
      for (const { topic, listener } of listeners) chain.events.off(topic, listener)
    },
  }
}
