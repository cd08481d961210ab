import type { ExecutionNode } from '../../execution/execution-node.ts'
import { createStakingModuleReader } from '../../execution/staking-modules.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { ModuleId, OperatorId } from '../../lib/primitives.ts'
import { inTime, type World } from '../world.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const [ID, REMEDY] = ['scope', 'correct EJECTOR_SCOPE']

/** Are there such modules and operators? Their names tell whether they are the right ones. */
export async function checkScope(
  { config, nodes }: World,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const reader = createStakingModuleReader(config.locatorAddress)
  const ask = <Value>(work: (node: ExecutionNode, deadline: AbortSignal) => Promise<Value>) =>
    inTime(signal, (deadline) =>
      nodes.execution.nodes.first((node, _host, inner) => work(node, inner), deadline),
    )

  async function checkModule(
    router: Awaited<ReturnType<typeof reader.router>>,
    moduleId: ModuleId,
    operatorIds: readonly OperatorId[],
  ): Promise<readonly Finding[]> {
    const module = await ask((node, deadline) => reader.module(node, router, moduleId, deadline))
    const name = `module ${moduleId} (${module.name ?? 'without a name'})`
    const count = await ask((node, deadline) =>
      reader.operatorCount(node, module.address, deadline),
    )
    return Promise.all(
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
  }

  try {
    const router = await ask((node, deadline) => reader.router(node, deadline))
    const all = await Promise.all(
      [...config.scope].map(([moduleId, operatorIds]) =>
        checkModule(router, moduleId, operatorIds).catch((error: unknown) => {
          signal.throwIfAborted()
          return [tellModule(moduleId, error)]
        }),
      ),
    )
    return all.flat()
  } catch (error) {
    signal.throwIfAborted()
    const detail = `cannot be looked up: ${messageOf(error)}`
    const remedy = 'look modules and operators up on the protocol’s site'
    return [warning({ id: ID, title: 'scope', detail, remedy })]
  }
}

function tellModule(moduleId: ModuleId, error: unknown): Finding {
  const [title, detail] = [`module ${moduleId}`, messageOf(error)]
  const isUnknown = detail.includes('knows no module')
  if (isUnknown) return failure({ id: ID, title, detail, remedy: REMEDY })
  return warning({ id: ID, title, detail, remedy: 'run it again when the node answers' })
}
