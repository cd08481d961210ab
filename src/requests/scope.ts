import type { ModuleId, OperatorId } from '../lib/primitives.ts'

/** Staking modules with the operators that are ours. */
export type Scope = ReadonlyMap<ModuleId, readonly OperatorId[]>

/** In the place of a module's id: every operator of every module. The staking router counts from 1. */
export const EVERY_MODULE = 0 as ModuleId
export const EVERYONE: Scope = new Map([[EVERY_MODULE, []]])

/** For log and `/status`. */
export const describeScope = (
  scope: Scope,
): Readonly<Record<string, readonly OperatorId[]>> | 'all' =>
  scope.has(EVERY_MODULE) ? 'all' : Object.fromEntries(scope)

/** What was read up to the cursor, but for the unread blocks. */
export type Coverage = {
  /** The lowest block. */
  readonly from: number
  readonly scope: Scope
}

/** Whether every operator that is ours in this module was read for. */
export const coversModule = (coverage: Coverage, scope: Scope, moduleId: ModuleId): boolean =>
  coverage.scope.has(EVERY_MODULE) ||
  (moduleId !== EVERY_MODULE &&
    (scope.get(moduleId) ?? []).every((operatorId) =>
      isInScope(coverage.scope, { moduleId, operatorId }),
    ))

/** What a journal from an earlier scope remembers is not this daemon's to carry out. */
export const isInScope = (
  scope: Scope,
  { moduleId, operatorId }: { readonly moduleId: ModuleId; readonly operatorId: OperatorId },
): boolean => scope.has(EVERY_MODULE) || scope.get(moduleId)?.includes(operatorId) === true
