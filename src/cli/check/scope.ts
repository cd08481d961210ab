import type { ExecutionNode } from '../../execution/execution-node.ts'
import { createStakingModuleReader } from '../../execution/staking-modules.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { ModuleId, OperatorId } from '../../lib/primitives.ts'
import { inTime, type Parts } from '../gather/parts.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const [ID, REMEDY] = ['scope', 'correct EJECTOR_SCOPE']

/** Are there such modules and operators? Their names tell whether they are the right ones. */
export async function checkScope(
  { config, nodes }: Parts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const reader = createStakingModuleReader(config.locatorAddress)
  const ask = <Value>(work: (node: ExecutionNode, deadline: AbortSignal) => Promise<Value>) =>
    inTime(signal, (deadline) =>
      nodes.execution.nodes.first((node, inner) => work(node, inner), deadline),
    )

  async function checkModule(
    router: Awaited<ReturnType<typeof reader.router>>,
    moduleId: ModuleId,
    operatorIds: readonly OperatorId[],
  ): Promise<readonly Finding[]> {
    try {
      const module = await ask((node, deadline) => reader.module(node, router, moduleId, deadline))
      const count = await ask((node, deadline) =>
        reader.operatorCount(node, module.address, deadline),
      )
      const name = `module ${moduleId} (${module.name ?? 'without a name'})`
      return await Promise.all(
        operatorIds.map(async (operatorId) => {
          const title = `operator ${operatorId}`
          if (count !== undefined && operatorId >= count) {
            const detail = `${name} has no such operator: the highest is ${count - 1}`
            return failure({ id: ID, title, detail, remedy: REMEDY })
          }
          const operator = await ask((node, deadline) =>
            reader.operatorName(node, module.address, operatorId, deadline),
          )
          return ok(ID, title, operator === undefined ? `of ${name}` : `${operator}, of ${name}`)
        }),
      )
    } catch (error) {
      signal.throwIfAborted()
      return [tellModule(moduleId, error)]
    }
  }

  try {
    const router = await ask((node, deadline) => reader.router(node, deadline))
    const modules = [...config.scope].map(([id, operators]) => checkModule(router, id, operators))
    return (await Promise.all(modules)).flat()
  } catch (error) {
    signal.throwIfAborted()
    const detail = `cannot be looked up: ${messageOf(error)}`
    return [
      warning({ id: ID, title: 'scope', detail, remedy: 'look it up on the protocol’s site' }),
    ]
  }
}

function tellModule(moduleId: ModuleId, error: unknown): Finding {
  const told = { id: ID, title: `module ${moduleId}`, detail: messageOf(error) }
  return told.detail.includes('knows no module')
    ? failure({ ...told, remedy: REMEDY })
    : warning({ ...told, remedy: 'run it again when the node answers' })
}
