import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { type MetricName, metricTable } from './metric-table.ts'

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
  return {
    counter: (name: MetricName) => new Counter({ ...spec(name), registers: [registry] }),
    histogram: (name: MetricName, buckets: readonly number[]) =>
      new Histogram({ ...spec(name), buckets: [...buckets], registers: [registry] }),
    gauge: (name: MetricName) => {
      const gauge = new Gauge({ ...spec(name), registers: [] })
      return (value: number, labels: Labels = {}) => {
        registry.registerMetric(gauge)
        gauge.set(labels, value)
      }
    },
    /** All series of a gauge at once, in place of those before: what is not given is gone. */
    gaugeSet: (name: MetricName) => {
      const gauge = new Gauge({ ...spec(name), registers: [registry] })
      return (series: readonly (readonly [Labels, number])[]) => {
        gauge.reset()
        for (const [labels, value] of series) gauge.set(labels, value)
      }
    },
  }
}
