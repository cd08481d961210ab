import { NoAnswerError } from '../lib/http.ts'
import type { Address, ModuleId, OperatorId } from '../lib/primitives.ts'
import type { BlockRange } from './block-ranges.ts'
import type { Collected } from './collected.ts'
import type { BlockHead, ExecutionNode } from './execution-node.ts'
import { type ExitLogQuery, filterOf, readExitLog } from './exit-log.ts'
import type { ModuleProgress } from './node-progress.ts'
import type { NodeReaderParts } from './node-reader.ts'
import type { FailedRange } from './unread-blocks.ts'

/** What one node is asked about one module in one round. */
export type ModuleTask = {
  readonly node: ExecutionNode
  readonly host: string
  readonly query: {
    /** That of now comes first. */
    readonly exitBuses: readonly [Address, ...Address[]]
    readonly moduleId: ModuleId
    readonly operatorIds: readonly OperatorId[]
  }
  readonly head: BlockHead
  readonly signal: AbortSignal
}

/**
 * Reads what is due of one module from one node: blocks that are new or were left out, then what is
 * left of the hourly look at the whole window.
 */
export function createModuleReader(parts: NodeReaderParts, chainId: bigint) {
  const { collected } = parts

  /** @throws when the node gave nothing */
  return async function readModule(task: ModuleTask, module: ModuleProgress): Promise<void> {
    try {
      await readDue(task, module)
      if (module.reread !== undefined) await readAgain(task, module, module.reread)
    } finally {
      if (!module.unread.has(task.head.number)) collected().modules.add(task.query.moduleId)
    }
  }

  async function readDue(task: ModuleTask, module: ModuleProgress): Promise<void> {
    const { host, head } = task
    let isAnswered = false
    // A node that is behind would say that there is nothing in blocks it does not have.
    const due = module.unread.due().filter(({ toBlock }) => toBlock <= head.number)
    for (const range of due) {
      try {
        const onFailed = (failed: FailedRange) => module.unread.fail(failed)
        await readRange(task, range, onFailed, (read) => {
          isAnswered = true
          module.unread.read(read)
        })
      } catch (error) {
        if (!(isAnswered && error instanceof NoAnswerError)) {
          module.answers = isAnswered
          throw error
        }
        // The node is there: these blocks are asked for again, and told if that goes on.
        collected().problems.push(`${host}: some blocks are not read yet: ${error.message}`)
        break
      }
    }
    if (isAnswered && !module.answers) module.unread.retryUnanswered()
    if (due.length > 0) module.answers = isAnswered
  }

  /** What it does not give now it gave before: no harm is done. */
  async function readAgain(
    task: ModuleTask,
    module: ModuleProgress,
    range: BlockRange,
  ): Promise<void> {
    const startedAt = performance.now()
    const onPassed = ({ fromBlock }: BlockRange) => {
      module.reread = { ...range, toBlock: fromBlock - 1 }
      module.rereadMs = performance.now() - startedAt
    }
    await readRange(task, range, onPassed, (read) => {
      module.unread.read(read)
      onPassed(read)
    })
    module.reread = undefined
  }

  async function readRange(
    { node, host, query, signal }: ModuleTask,
    range: BlockRange,
    onFailed: (range: FailedRange) => void,
    onRead: (range: BlockRange) => void,
  ): Promise<void> {
    const asked = { ...query, ...range, chainId }
    await parts.readLogs(
      node,
      filterOf(asked),
      (logs, fromBlock, toBlock) => {
        collect(logs, { ...asked, fromBlock, toBlock }, host, collected())
        parts.progress.read(query.moduleId, { fromBlock, toBlock })
        onRead({ fromBlock, toBlock })
      },
      signal,
      onFailed,
    )
  }
}

/** What was not asked for is told, a line each kind. */
function collect(
  logs: readonly unknown[],
  query: ExitLogQuery,
  host: string,
  collected: Collected,
): void {
  const dropped = new Map<string, number>()
  for (const raw of logs) {
    const reading = readExitLog(raw, query)
    if (reading.ok) collected.add(host, reading.request)
    else dropped.set(reading.why, (dropped.get(reading.why) ?? 0) + 1)
  }
  for (const [why, count] of dropped) {
    collected.problems.push(`${host}: dropped what was not asked for: ${why} (${count})`)
  }
}
