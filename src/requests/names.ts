import { describeTimeLeft, type ModuleLimitOf, timeLeft } from './deadlines.ts'
import type { ExitRequest } from './exit-request.ts'

/** What the log shows of a request whenever it speaks of one. */
export const namesOf = (request: ExitRequest) => ({
  validator: request.validatorIndex,
  pubkey: request.pubkey,
  module: request.moduleId,
  operator: request.operatorId,
})

/** The same for a request that is open, with the time until its deadline. */
export const openNamesOf = (request: ExitRequest, now: number, limitOf: ModuleLimitOf) => ({
  ...namesOf(request),
  timeLeft: describeTimeLeft(timeLeft(request, now, limitOf)),
})
