import type { ModuleId, OperatorId } from '../lib/primitives.ts'

/** Staking modules with the operators that are ours. */
export type Scope = ReadonlyMap<ModuleId, readonly OperatorId[]>

/** What was read up to the cursor, but for the unread blocks. */
export type Coverage = {
  /** The lowest block. */
  readonly from: number
  readonly scope: Scope
}

/** Whether every operator that is ours in this module was read for. */
export const coversModule = (coverage: Coverage, scope: Scope, moduleId: ModuleId): boolean =>
  (scope.get(moduleId) ?? []).every((operatorId) =>
    isInScope(coverage.scope, { moduleId, operatorId }),
  )

/** What a journal from an earlier scope remembers is not this daemon's to carry out. */
export const isInScope = (
  scope: Scope,
  { moduleId, operatorId }: { readonly moduleId: ModuleId; readonly operatorId: OperatorId },
): boolean => scope.get(moduleId)?.includes(operatorId) === true
