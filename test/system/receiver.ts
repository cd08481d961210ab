import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Notification = {
  readonly alerts: readonly { status: string; labels: { alertname: string } }[]
}

/** Takes what Alertmanager sends, as `alert: status` in the order in which it came. */
export async function startReceiver() {
  const received: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { alerts } = JSON.parse(Buffer.concat(chunks).toString()) as Notification
    received.push(...alerts.map(({ labels, status }) => `${labels.alertname}: ${status}`))
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    received: received as readonly string[],
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}
