import { json, startHttpServer } from './http-server.ts'

/** Receives webhook calls and answers 200. `status` faults make it answer otherwise. */
export async function startWebhookReceiver(options: { readonly port?: number } = {}) {
  const server = await startHttpServer(() => json({ ok: true }), options)
  return Object.assign(server, {
    url: `${server.url}/exit`,
    /** The JSON bodies of all calls so far, in order. */
    bodies: (): Record<string, unknown>[] => server.calls.map(({ body }) => JSON.parse(body)),
  })
}
export type WebhookReceiver = Awaited<ReturnType<typeof startWebhookReceiver>>
