import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { type GaugeName, type MetricName, metricTable } from './metric-table.ts'

type Labels = Readonly<Record<string, string>>

export type Instruments = ReturnType<typeof createInstruments>

/**
 * Makes instruments by the table. A gauge is registered when it is first set, so that one without a
 * value is absent instead of 0.
 */
export function createInstruments(registry: Registry, prefix: string) {
  const spec = (name: MetricName) => {
    const { help, labels } = metricTable[name]
    return { name: prefix + name, help, labelNames: [...labels] }
  }
  const gauges = new Map<GaugeName, Gauge>()
  return {
    counter: (name: MetricName) => new Counter({ ...spec(name), registers: [registry] }),
    histogram: (name: MetricName, buckets: readonly number[]) =>
      new Histogram({ ...spec(name), buckets: [...buckets], registers: [registry] }),
    /** Sets one series of a gauge: booleans as 1 or 0. */
    set(name: GaugeName, value: number | boolean, labels: Labels = {}): void {
      const gauge = gauges.get(name) ?? new Gauge({ ...spec(name), registers: [registry] })
      gauges.set(name, gauge)
      gauge.set(labels, Number(value))
    },
    /** All series of a gauge at once, in place of those before: what is not given is gone. */
    gaugeSet: (name: GaugeName) => {
      const gauge = new Gauge({ ...spec(name), registers: [registry] })
      return (series: readonly (readonly [Labels, number])[]) => {
        gauge.reset()
        for (const [labels, value] of series) gauge.set(labels, value)
      }
    },
  }
}
