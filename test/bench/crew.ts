import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Job, JobResult } from './jobs.ts'

export type Crew = {
  readonly size: number
  /** One result for each job, in the same order. */
  run(jobs: readonly Job[]): Promise<JobResult[]>
  close(): Promise<void>
}

const salt = Buffer.alloc(32)
/** Next to nothing, done by a thread that has loaded all its modules. */
const ROLL_CALL: Job = {
  kind: 'derive',
  params: { function: 'pbkdf2', c: 1, salt },
  password: salt,
}

/** A thread for each core, all of them up. */
export async function createCrew(size = availableParallelism()): Promise<Crew> {
  const workers = Array.from(
    { length: size },
    () => new Worker(new URL('./crew-worker.js', import.meta.url)),
  )

  const ask = (worker: Worker, job: Job) =>
    new Promise<JobResult>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (result: JobResult) => {
        worker.off('error', reject)
        resolve(result)
      })
      worker.postMessage(job)
    })

  async function run(jobs: readonly Job[]): Promise<JobResult[]> {
    const results: JobResult[] = []
    const waiting = jobs.map((job, at) => ({ job, at }))
    await Promise.all(
      workers.map(async (worker) => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          results[next.at] = await ask(worker, next.job)
        }
      }),
    )
    return results
  }

  await Promise.all(workers.map((worker) => ask(worker, ROLL_CALL)))
  return {
    size,
    run,
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
