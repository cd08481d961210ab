import type { CycleParts, Reading } from '../../requests/cycle-parts.ts'
import { NOTHING_NEW } from '../dry-run.ts'
import { readToTheEnd } from '../reading.ts'
import type { Task } from './one-cycle.ts'
import type { Sources } from './story.ts'
import { isAbout } from './subject.ts'

/** A daemon that runs is never so far behind: 1 h * 3,600 s / 12 s. */
const STALE_BLOCKS = 300

/**
 * Reads the chain as a daemon at its start, where the journal holds no request of this validator, or
 * nobody has written it lately.
 */
export function createWindowReader(
  { subject, own, world, opened }: Task,
  readRequests: CycleParts['readRequests'],
  readUpTo: () => number | undefined,
) {
  const { config, progress } = world
  const { nodes } = world.nodes.execution
  const isInJournal = own.facts.requests.size > 0
  const { cursor } = own.facts
  const { found } = opened.journal
  const notes: string[] = []
  let sources: Sources = {
    journal: isInJournal ? 'told' : found === 'facts' ? 'silent' : found,
    blocks: null,
  }

  async function finalizedBlock(signal: AbortSignal): Promise<number> {
    if (nodes.hosts().length === 0) throw new Error('no execution node answers')
    const head = await nodes.first((node, _host, deadline) => node.finalizedBlock(deadline), signal)
    return head.number
  }

  async function readWindow(
    known: Parameters<CycleParts['readRequests']>[0],
    last: number,
    signal: AbortSignal,
  ): Promise<Reading> {
    const first = Math.max(0, last - config.blocksPreload)
    const tell = (done: number, total: number) => progress('reading blocks', done, total)
    const reading = await readToTheEnd(
      { readRequests, readUpTo, first, last, progress: tell },
      { ...known, cursor: undefined, cursorHash: undefined },
      signal,
    )
    if (reading.complete) sources = { ...sources, blocks: { from: first, to: last } }
    notes.push(...reading.alarms)
    const requests = reading.requests.filter((request) => isAbout(subject, request))
    return { ...reading, cursor: undefined, requests }
  }

  return {
    async read(
      known: Parameters<CycleParts['readRequests']>[0],
      signal: AbortSignal,
    ): Promise<Reading> {
      // What the journal tells is a story without any node too.
      if (isInJournal && nodes.hosts().length === 0) return NOTHING_NEW
      const last = await finalizedBlock(signal)
      if (isInJournal && cursor !== undefined && last - cursor < STALE_BLOCKS) return NOTHING_NEW
      if (isInJournal) {
        const behind = cursor === undefined ? '' : `, ${last - cursor} blocks behind`
        notes.push(`no daemon has written STATE_FILE lately: it ends at block ${cursor}${behind}`)
      }
      return readWindow(known, last, signal)
    },
    told: () => ({ sources, notes }),
  }
}
