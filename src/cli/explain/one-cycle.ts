import { createCycle } from '../../cycle.ts'
import type { Pubkey } from '../../lib/primitives.ts'
import type { CycleParts, CycleReport, Messages } from '../../requests/cycle-parts.ts'
import type { Sightings } from '../../requests/derive.ts'
import { openDryPipeline } from '../dry-run.ts'
import type { World } from '../world.ts'
import { readUntilFound } from './message.ts'
import type { Opened } from './open.ts'
import type { journalOf } from './own-journal.ts'
import type { Sources } from './story.ts'
import type { Subject } from './subject.ts'
import { createWindowReader } from './window.ts'

export type Task = {
  readonly subject: Subject
  readonly sightings: Sightings | undefined
  readonly own: ReturnType<typeof journalOf>
  readonly world: World
  readonly opened: Opened
}

/** What a cycle found, and what it was found in. */
export type Run = {
  readonly report: CycleReport
  readonly messages: Messages | undefined
  readonly sources: Sources
  /** What else must be known, a sentence each. */
  readonly notes: readonly string[]
} & Pick<CycleParts, 'nextOfferAt'>

/** One cycle of the daemon on this validator alone. Nothing is handed out: there is no way out. */
export async function runOnce(task: Task, signal: AbortSignal): Promise<Run> {
  const { subject, sightings, own, world, opened } = task
  let messages: Messages | undefined
  const { pipeline, readUpTo } = openDryPipeline({
    ...world,
    ...opened,
    config: { ...world.config, scope: scopeOf(task) },
    journal: own,
    lifetime: signal,
  })
  const window = createWindowReader(task, pipeline.readRequests, readUpTo)
  const report = await createCycle({
    ...pipeline,
    async checkNodes(deadline) {
      // Which of them are not used was told already. What staking modules say is read on the way.
      if (opened.isWhole) await pipeline.checkNodes(deadline)
      return []
    },
    readRequests: window.read,
    async readMessages(wanted, deadline) {
      const index = subject.index ?? wanted[0]?.validatorIndex
      const pubkey = subject.pubkey ?? wanted[0]?.pubkey ?? ('0x' as Pubkey)
      if (index === undefined) return opened.messages.read([], deadline)
      messages = await readUntilFound(opened.messages, { validatorIndex: index, pubkey }, deadline)
      return messages
    },
    async readSightings(indices, deadline) {
      const isKnown = indices.length === 1 && indices[0] === subject.index
      if (!isKnown || sightings === undefined) return pipeline.readSightings(indices, deadline)
      return new Map(indices.map((index) => [index, sightings]))
    },
  })(signal)
  const { nextOfferAt } = pipeline
  return { report, messages, ...window.told(), nextOfferAt }
}

/** Of requests that are known, only their operators need be asked about. */
function scopeOf({ own, world: { config } }: Task): World['config']['scope'] {
  const requests = [...own.facts.requests.values()].map(({ request }) => request)
  if (requests.length === 0) return config.scope
  const modules = new Set(requests.map(({ moduleId }) => moduleId))
  return new Map(
    [...modules].map((moduleId) => {
      const ours = requests.filter((request) => request.moduleId === moduleId)
      return [moduleId, [...new Set(ours.map(({ operatorId }) => operatorId))]]
    }),
  )
}
