import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/{demo,devnet,faults,system}/**'],
    setupFiles: ['test/support/forget-secrets.ts'],
    // Above what `until` waits, which then says what it waited for.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Most tests wait for sockets and processes: more of them than cores run side by side. Files
    // share a process, since importing everything anew would cost more than the tests.
    isolate: false,
    maxWorkers: 4,
  },
})
