import { freshKdf } from '../../src/cli/encrypt/envelope.ts'
import type { Crew } from './crew.ts'
import { batchesOf, type Inputs, PASSWORD } from './inputs.ts'
import type { Job } from './jobs.ts'

/** Seconds that the bare work takes on all cores: nothing that does it can be faster. */
export function createLimits(crew: Crew) {
  async function time(jobs: readonly Job[]): Promise<number> {
    const start = performance.now()
    await crew.run(jobs)
    return (performance.now() - start) / 1_000
  }
  return {
    verify: (inputs: Inputs) =>
      time(batchesOf(inputs).map((packed) => ({ kind: 'verify', packed }))),
    derive: (kdf: 'pbkdf2' | 'scrypt', count: number) =>
      time(
        Array.from({ length: count }, () => ({
          kind: 'derive',
          params: freshKdf(kdf),
          password: Buffer.from(PASSWORD),
        })),
      ),
  }
}
export type Limits = ReturnType<typeof createLimits>
