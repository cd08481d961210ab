import { readMetric } from '../support/world.ts'
import type { Asks } from './asks.ts'
import { OURS } from './asks.ts'
import type { SoakMessages } from './messages.ts'
import { DEADLINE_SECONDS } from './network.ts'
import { SoakError } from './soak-error.ts'
import type { Mode } from './stage.ts'

/** Seconds by which the alarm may be late: a lie about the time delays it until the first sight. */
const LATE_S = 4 * 3_600

/**
 * When everything is well, and all have left that could: the overdue alarm counts the others,
 * whatever nodes said of the times, and nothing else.
 *
 * @param metrics - Prometheus' text
 * @param now - unix ms
 */
export function expectOverdue(
  metrics: string,
  { asks, messages, mode }: { asks: Asks; messages: SoakMessages; mode: Mode },
  now: number,
): number {
  const without = asks.asked().filter((index) => mode === 'pool' && !messages.hasMessage(index))
  const passed = (late: number) => (time: number) =>
    time + DEADLINE_SECONDS + late < Math.floor(now / 1_000)
  const least = without.filter((index) => asks.timesOf(index).some(passed(LATE_S))).length
  const most = without.flatMap((index) => asks.timesOf(index).filter(passed(0))).length
  const labels = { limit: 'module', module: `${OURS.moduleId}`, operator: `${OURS.operatorId}` }
  const told = readMetric(metrics, 'validator_ejector_exit_requests_overdue', labels)
  if (told === undefined || told < least || told > most) {
    throw new SoakError(`${told} exits are told overdue, between ${least} and ${most} are`)
  }
  return least
}
