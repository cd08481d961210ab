import { defineConfig } from 'vitest/config'

/** Every kind of fault at every place that the daemon asks: too much work for `npm test`. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/faults/**/*.test.ts'],
    // Most tests wait for dozens of things, one after the other; `until` says which one failed.
    testTimeout: 900_000,
    hookTimeout: 120_000,
    pool: 'forks',
    isolate: false,
    // A healthy answer must come within the time-out of a call, however many worlds share the cores.
    maxWorkers: 2,
    maxConcurrency: 2,
  },
})
