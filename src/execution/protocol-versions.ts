import type { Address } from '../lib/primitives.ts'
import { exitBusAbi } from './abi.ts'
import { callUnlessReverts, encodeCall, outputAt } from './contract-calls.ts'
import type { ExecutionNode } from './execution-node.ts'

/** Of the exit bus; `undefined` where it names none. */
export type ProtocolVersions = {
  readonly contract: bigint | undefined
  readonly consensus: bigint | undefined
}

/** Mainnet and Hoodi, 2026: lidofinance/core, ValidatorsExitBusOracle. */
const KNOWN: ProtocolVersions = { contract: 3n, consensus: 5n }

/** @throws when a call got no answer */
export async function readVersions(
  node: Pick<ExecutionNode, 'call'>,
  exitBus: Address,
  signal: AbortSignal,
): Promise<ProtocolVersions> {
  const read = async (name: string) => {
    const answer = await callUnlessReverts(node, exitBus, encodeCall(exitBusAbi, name), signal)
    const version = answer && outputAt(exitBusAbi, name, answer, 0)
    return typeof version === 'bigint' ? version : undefined
  }
  const [contract, consensus] = await Promise.all([
    read('getContractVersion'),
    read('getConsensusVersion'),
  ])
  return { contract, consensus }
}

/** What is wrong with them, or `undefined` where they are those that this program was made for. */
export function describeVersions(found: ProtocolVersions): string | undefined {
  const differences = (['contract', 'consensus'] as const).filter(
    (name) => found[name] !== KNOWN[name],
  )
  if (differences.length === 0) return undefined
  const list = differences.map(
    (name) => `${name} version ${found[name] ?? 'missing'} instead of ${KNOWN[name]}`,
  )
  return `the exit bus has ${list.join(' and ')}: the protocol may have changed, and requests of a new form may not be seen`
}

const REMEDY = 'Look for a newer release of this program; it goes on as before meanwhile'

const HOUR_MS = 60 * 60 * 1_000
const DAY_MS = 24 * HOUR_MS

export type VersionWatch = ReturnType<typeof createVersionWatch>

/** Looks at the versions hourly, and once a new exit bus is there, and tells a change at once. */
export function createVersionWatch(now: () => number) {
  const looks = new Map<string, { readonly exitBus: Address; readonly at: number }>()
  const found = new Map<string, ProtocolVersions>()
  let told: { readonly text: string; readonly at: number } | undefined
  const isRecent = (at: number, ms: number) => now() - at >= 0 && now() - at < ms

  return {
    /** @throws when a call got no answer */
    async look(
      node: Pick<ExecutionNode, 'call'>,
      host: string,
      exitBus: Address,
      signal: AbortSignal,
    ): Promise<void> {
      const last = looks.get(host)
      if (last?.exitBus === exitBus && isRecent(last.at, HOUR_MS)) return
      found.set(host, await readVersions(node, exitBus, signal))
      looks.set(host, { exitBus, at: now() })
    },
    /** What is wrong, as the nodes tell; nothing before one of them told. */
    problem(): string | undefined {
      const problems = [...found].flatMap(([host, versions]) => {
        const why = describeVersions(versions)
        return why === undefined ? [] : [`${host}: ${why}. ${REMEDY}`]
      })
      return problems[0]
    },
    hasLooked: () => found.size > 0,
    /** The same, when it is new or was told a day ago. */
    alarm(): string | undefined {
      const text = this.problem()
      if (text === undefined) told = undefined
      else if (told?.text !== text || !isRecent(told.at, DAY_MS)) told = { text, at: now() }
      else return undefined
      return text
    },
  }
}
