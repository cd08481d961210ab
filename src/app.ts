import {
  type App,
  type AppOptions,
  type Base,
  type Connected,
  type Duty,
  type OpenDuty,
  startDaemon,
} from './app/daemon.ts'
import type { MessageSource } from './app/message-source.ts'
import { createMessages } from './app/messages.ts'
import type { Config } from './config.ts'
import { createRegistryReader } from './consensus/registry-reader.ts'
import { createKeysApi, type KeysApi } from './observe/keys-api.ts'

export type { App, AppOptions }

/**
 * Wires everything, and starts it: connect, then run.
 *
 * @param source - of messages, where it was opened while this was loaded
 * @throws when the port is taken
 */
export function startApp(
  config: Config,
  options: AppOptions,
  source?: Promise<MessageSource>,
): Promise<App> {
  const keysApi = createKeysApi(options.version, config.scope)
  const duty: Duty = {
    mode: config.delivery.mode,
    measured: config.scope,
    keysApi: keysApi.answer,
    open: (base) => open(config, keysApi, base, source),
  }
  return startDaemon(config, options, duty)
}

/** Handing out exits. A mistake in where the messages are ends the start at once. */
async function open(
  config: Config,
  keysApi: KeysApi,
  base: Base,
  source: Promise<MessageSource> | undefined,
): Promise<OpenDuty> {
  const { options, nodes, metrics, now, readChainInfo } = base
  const registry = createRegistryReader(nodes.consensus.nodes, now)
  const chain = { id: 0n }
  const messages = await createMessages({
    config,
    nodes,
    readChainInfo,
    registry,
    chainId: () => chain.id,
    log: options.log,
    metrics,
    now,
    lifetime: base.aborting,
    wake: base.waker.wake,
    onLoaded: base.health.messagesLoaded,
    source,
  })

  async function connect(connected: Connected) {
    const { createEjector } = await import('./app/ejector.ts')
    return createEjector({ ...base, ...connected, config, messages, registry, keysApi })
  }

  return {
    begin(chainId) {
      chain.id = chainId
      messages.begin()
    },
    isLoaded: messages.isLoaded,
    connect,
    close: messages.close,
  }
}
