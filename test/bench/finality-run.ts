import { keccak256, toBeHex, ZeroHash } from 'ethers'
import type { Address, Bytes32 } from '../../src/lib/primitives.ts'
import { createProver } from '../../src/proof/prover.ts'
import { checkReceipts, receiptsRootOf } from '../../src/proof/receipts.ts'
import type { ExitRequest, RequestKey } from '../../src/requests/exit-request.ts'
import { applyFact, noFacts } from '../../src/requests/facts.ts'
import { exitRequestLog } from '../sim/abi.ts'

const RECEIPTS = 400
/** Logs of an ordinary transaction. */
const OTHER_LOGS = 4
const EXIT_BUS = `0x${'e1'.repeat(20)}` as Address
const GENESIS = 1_700_000_000
const SLOT = 1_000
const TIMESTAMP = GENESIS + 12 * SLOT
const BLOCK = keccak256('0x01') as Bytes32
const never = new AbortController().signal
const say = () => {}

const pubkeyOf = (index: number) => toBeHex(index + 1, 48)
const requestOf = (validatorIndex: number) => ({
  moduleId: 1,
  operatorId: 5,
  validatorIndex,
  pubkey: pubkeyOf(validatorIndex),
})

/** A block as a node gives it; its middle transaction makes the requests. */
function receiptsOf(requests: number): readonly object[] {
  const other = {
    address: `0x${'aa'.repeat(20)}`,
    topics: [ZeroHash],
    data: `0x${'00'.repeat(64)}`,
  }
  const ours = Array.from({ length: requests }, (_, at) => {
    return exitRequestLog(EXIT_BUS, requestOf(at), TIMESTAMP)
  })
  return Array.from({ length: RECEIPTS }, (_, at) => ({
    type: '0x2',
    status: '0x1',
    transactionIndex: toBeHex(at),
    cumulativeGasUsed: toBeHex(21_000 * (at + 1)),
    logsBloom: `0x${'00'.repeat(256)}`,
    logs: at === RECEIPTS / 2 ? ours : Array.from({ length: OTHER_LOGS }, () => other),
  }))
}

/** CPU seconds to prove that many requests of one block, from the nodes' answers as text. */
export async function runFinality(requests: number): Promise<number> {
  const text = JSON.stringify(receiptsOf(requests))
  const receiptsRoot = await receiptsRootOf(JSON.parse(text))
  const facts = noFacts()
  const prove = createProver({
    chainId: 1n,
    trust: { allowlist: new Set(), quorum: 1, transactionAllowlist: new Set() },
    journal: { facts, append: (added) => void added.map((fact) => applyFact(facts, fact)) },
    log: { error: say, warn: say, info: say, debug: say },
    now: Date.now,
    countVerification: say,
    allNodesAnswer: () => true,
    nodes: () => ['execution'],
    async ask(lookUp) {
      const payload = { blockHash: BLOCK, receiptsRoot }
      if (lookUp.kind === 'block') return [{ ok: true, result: { kind: 'final', payload } }]
      return [{ ok: true, result: await checkReceipts(JSON.parse(text), receiptsRoot, EXIT_BUS) }]
    },
    mode: 'finality',
    finality: {
      exitBus: EXIT_BUS,
      times: async () => ({ genesisTime: GENESIS, secondsPerSlot: 12 }),
      nodes: () => ['consensus'],
      configured: ['consensus'],
    },
  })
  const asked = Array.from({ length: requests }, (_, at) => ({
    ...requestOf(at),
    key: `request ${at}` as RequestKey,
    chainId: 1n,
    exitBus: EXIT_BUS,
    blockNumber: 1,
    blockHash: BLOCK,
    transactionHash: ZeroHash,
    logIndex: (RECEIPTS / 2) * OTHER_LOGS + at,
    timestamp: TIMESTAMP,
  })) as unknown as readonly ExitRequest[]
  const from = process.cpuUsage()
  const proofs = await prove(asked, never)
  const { user, system } = process.cpuUsage(from)
  const unproven = asked.filter(({ key }) => proofs.statusOf(key) !== 'proven')
  if (unproven.length > 0) throw new Error(`${unproven.length} requests are not proven`)
  return (user + system) / 1_000_000
}
