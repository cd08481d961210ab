import type { Config } from '../config.ts'
import { type ChainInfo, currentEpoch } from '../consensus/chain-info.ts'
import {
  chooseForkVersions,
  type ForkSettings,
  type ForkVersion,
  joinSigningContexts,
  needsStateFork,
  type SigningContext,
} from '../consensus/fork.ts'
import { createKeysReader, type RegistryReader } from '../consensus/registry-reader.ts'
import { createLoadTask } from '../jobs/load-task.ts'
import { orAborted } from '../lib/on-abort.ts'
import type { MessageSnapshot } from '../messages/snapshot.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { CycleParts, Log } from '../requests/cycle-parts.ts'
import { type MessageSource, openMessageSource } from './message-source.ts'
import type { Nodes } from './nodes.ts'

export type MessagesParts = {
  readonly config: Config
  readonly nodes: Nodes
  readonly readChainInfo: (signal: AbortSignal) => Promise<ChainInfo>
  readonly registry: RegistryReader
  readonly log: Log
  readonly metrics: Metrics
  readonly now: () => number
  /** Starts a cycle soon. */
  readonly wake: () => void
  /** Told the end of each good load. */
  readonly onLoaded?: () => void
  /** Ends a load with the daemon; a load may outlive the cycle that started it. */
  readonly lifetime: AbortSignal
  /** What was opened before the rest was there; opened now unless given. */
  readonly source?: Promise<MessageSource> | undefined
}

export type MessagesTask = {
  /** The nodes are up, and agree on this chain: messages can be checked. */
  readonly begin: (chainId: bigint) => void
  readonly read: CycleParts['readMessages']
  readonly isLoaded: () => boolean
  /** Of the last load that ended well. */
  readonly snapshot: () => MessageSnapshot | undefined
  readonly close: () => Promise<void>
}

/** In place of the task that loads messages, where there are none to be loaded. */
export const withoutMessages = (loaded: boolean, problem?: string): MessagesTask => ({
  begin: () => {},
  read: async () => ({ loaded, problem, find: () => undefined, whyMissing: () => undefined }),
  isLoaded: () => loaded,
  snapshot: () => undefined,
  close: async () => {},
})

/**
 * The messages of the configured location, checked against the chain, loaded again and again.
 *
 * @throws StartUpError when the location cannot be read at all
 */
export async function createMessages(parts: MessagesParts): Promise<MessagesTask> {
  const { config, log, lifetime } = parts
  const { delivery } = config
  if (delivery.mode === 'webhook') return withoutMessages(true)
  const opening = parts.source ?? openMessageSource(delivery, log, lifetime, parts.now)
  const { loader, connected, close } = await orAborted(opening, lifetime)
  const task = createLoadTask({ loader, ...parts, intervalMs: config.jobIntervalMs })
  return {
    read: (requests, signal) =>
      task.read(
        requests.map(({ validatorIndex }) => validatorIndex),
        signal,
      ),
    begin(chainId) {
      connected({
        readRegistry: parts.registry.read,
        readKeys: createKeysReader(parts.nodes.consensus.nodes),
        readSigningContext: (signal) => readSigningContext({ ...parts, chainId }, signal),
      })
      task.begin()
    },
    isLoaded: task.isLoaded,
    snapshot: task.snapshot,
    close,
  }
}

/** @throws when it cannot be told for which fork messages must be signed */
export async function readSigningContext(
  {
    config,
    nodes,
    readChainInfo,
    chainId,
    now,
  }: Pick<MessagesParts, 'config' | 'nodes' | 'readChainInfo' | 'now'> & {
    readonly chainId: bigint
  },
  signal: AbortSignal,
): Promise<SigningContext> {
  const info = await readChainInfo(signal)
  const epoch = currentEpoch(info, nodes.headSlots(), now())
  const settings: ForkSettings = {
    capellaForkVersion: config.capellaForkVersion as ForkVersion | undefined,
    forceDeneb: config.forceDencunForkMode,
  }
  const contexts: SigningContext[] = []
  let problem: unknown
  // One node that errs, or is asked in vain, does not make every message bad.
  for (const { spec, genesisValidatorsRoot } of info.opinions) {
    try {
      const facts = { chainId, spec, currentEpoch: epoch }
      const stateFork = needsStateFork(facts, settings)
        ? await nodes.consensus.nodes.first((node, deadline) => node.fork('head', deadline), signal)
        : undefined
      const choice = chooseForkVersions({ ...facts, stateFork }, settings)
      if (!choice.ok) throw new Error(choice.detail)
      contexts.push({ genesisValidatorsRoot, forkVersions: choice.forkVersions })
    } catch (error) {
      signal.throwIfAborted()
      problem ??= error
    }
  }
  const joined = joinSigningContexts(contexts)
  if (joined === undefined) throw problem ?? new Error('no node tells what chain this is')
  return joined
}
