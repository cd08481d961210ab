import type { ModuleId, OperatorId } from '../lib/primitives.ts'

/** Staking modules with the operators that are ours. */
export type Scope = ReadonlyMap<ModuleId, readonly OperatorId[]>

/** What a journal from an earlier scope remembers is not this daemon's to carry out. */
export const isInScope = (
  scope: Scope,
  { moduleId, operatorId }: { readonly moduleId: ModuleId; readonly operatorId: OperatorId },
): boolean => scope.get(moduleId)?.includes(operatorId) === true
