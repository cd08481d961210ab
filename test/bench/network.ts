import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBeaconChain } from '../sim/beacon-chain.ts'
import { startBeaconNode } from '../sim/beacon-node.ts'
import type { SimValidator } from '../sim/beacon-registry.ts'
import { createExecutionChain } from '../sim/execution-chain.ts'
import { startExecutionNode } from '../sim/execution-node.ts'
import type { Call } from '../sim/faults.ts'
import { type Inputs, PASSWORD, pubkeysOf } from './inputs.ts'

const OURS = { moduleId: 1, operatorId: 5 }
/** As many as the oracle on mainnet has, and its quorum. */
const MEMBERS = 9
const QUORUM = 5
/** As the oracle reports at most at once, or thereabouts. */
const REQUESTS_PER_REPORT = 100

export type Network = Awaited<ReturnType<typeof createNetwork>>

/** One node of each layer, over chains on which these messages are good. */
export async function createNetwork(
  inputs: Inputs,
  more: (index: number) => Partial<SimValidator> = () => ({}),
) {
  const validators = pubkeysOf(inputs).map((pubkey, index) => ({ pubkey, ...more(index) }))
  const beacon = createBeaconChain({ validators })
  const chain = createExecutionChain({ members: MEMBERS, quorum: QUORUM })
  const execution = await startExecutionNode({ chain })
  const consensus = await startBeaconNode({ chain: beacon })
  const home = mkdtempSync(join(tmpdir(), 'ejector-bench-'))

  /** In reports of the usual size; nothing is final yet. */
  function ask(indices: readonly number[], perReport = REQUESTS_PER_REPORT): void {
    for (let at = 0; at < indices.length; at += perReport) {
      const requests = indices
        .slice(at, at + perReport)
        .map((index) => ({ ...OURS, validatorIndex: index, pubkey: beacon.pubkey(index) }))
      chain.submitReport({ requests })
    }
  }

  return {
    beacon,
    chain,
    execution,
    consensus,
    home,
    ask,
    /** Another epoch went by, on both layers. No event tells of it, so that it causes no cycle. */
    advance(): void {
      chain.mine(32)
      chain.finalize()
      beacon.advance()
    },
    /** All that the daemon asked, in order. The event stream is no call. */
    calls: (): readonly Call[] =>
      [...execution.calls, ...consensus.calls]
        .filter(({ path }) => path !== '/eth/v1/events')
        .sort((a, b) => a.at - b.at),
    env: (variables: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
      EXECUTION_NODE: execution.url,
      CONSENSUS_NODE: consensus.url,
      LOCATOR_ADDRESS: chain.locator,
      EJECTOR_SCOPE: JSON.stringify({ [OURS.moduleId]: [OURS.operatorId] }),
      MESSAGES_LOCATION: inputs.folder,
      MESSAGES_PASSWORD: PASSWORD,
      ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(chain.signerAddresses()),
      ORACLE_QUORUM: `${QUORUM}`,
      STATE_FILE: join(home, 'state.sqlite'),
      ...variables,
    }),
    async close(): Promise<void> {
      await Promise.all([execution.close(), consensus.close()])
      rmSync(home, { recursive: true, force: true })
    },
  }
}
