import { createSightingsReader } from '../../consensus/sightings.ts'
import { isHeld } from '../../exits/hold-file.ts'
import { messageOf } from '../../lib/message-of.ts'
import type { Pubkey, ValidatorIndex } from '../../lib/primitives.ts'
import type { Sightings } from '../../requests/derive.ts'
import { closeQuietly, untilInterrupted, type World } from '../world.ts'
import { tellMessage } from './message.ts'
import { runOnce } from './one-cycle.ts'
import { type Opened, openParts } from './open.ts'
import { journalOf } from './own-journal.ts'
import type { Known } from './story.ts'
import { isAbout, type Subject } from './subject.ts'
import { chainTimes } from './times.ts'

/** Steps of the cycle whose failures the nodes, the registry and the message tell. */
const ALREADY_TOLD = /^(look up validators|load messages|read messages|read chain):/

/**
 * Learns what is known of one validator. Decisions are the daemon's own: one cycle of it runs on the
 * requests of this validator, with a journal in memory, and hands nothing out.
 *
 * @throws NobodyAnswersError; StartUpError when the nodes are on different chains
 */
export const gather = (asked: Subject, world: World, signal: AbortSignal): Promise<Known> =>
  untilInterrupted(signal, async (lifetime) => {
    const opened = await openParts(world, asked, lifetime)
    try {
      return await learn(asked, world, opened, lifetime)
    } finally {
      await closeQuietly(opened.messages.close)
    }
  })

async function learn(
  asked: Subject,
  world: World,
  opened: Opened,
  signal: AbortSignal,
): Promise<Known> {
  const { config } = world
  const { facts } = opened.journal
  const { subject, sightings, problem } = await lookUp(asked, world, opened, signal)
  const own = journalOf(facts, subject)
  const run = await runOnce({ subject, sightings, own, world, opened }, signal)
  const { cases } = run.report
  const index = subject.index ?? cases[0]?.request.validatorIndex
  const info = await world.readChainInfo(signal).catch(() => undefined)
  signal.throwIfAborted()
  return {
    subject: { ...subject, index },
    now: world.now(),
    cases,
    seenAt: ({ key }) => facts.requests.get(key)?.seenAt,
    trust: { trustMode: config.trustMode, quorum: config.oracleQuorum },
    plan: {
      intervalMs: config.jobIntervalMs,
      finalityEvents: config.finalityEvents,
      dryRun: config.dryRun,
      held: config.holdFile !== undefined && (await isHeld(config.holdFile)),
      mode: config.delivery.mode,
      areMessagesKnown: run.messages?.loaded === true,
      isSentKnown: opened.journal.found === 'facts',
      nextOfferAt(validator) {
        const offers = own.facts.offers.get(validator)
        return offers === undefined ? undefined : run.nextOfferAt(offers)
      },
    },
    message: tellMessage(config.delivery, index, run.messages),
    history: (index === undefined ? undefined : facts.history.get(index)) ?? [],
    sightings,
    times: info === undefined ? undefined : chainTimes(info),
    sources: run.sources,
    problems: [
      ...opened.problems,
      ...(opened.journal.problem === undefined ? [] : [opened.journal.problem]),
      ...(problem === undefined ? [] : [problem]),
      ...run.notes,
      ...run.report.failures.filter((failure) => !ALREADY_TOLD.test(failure)),
    ],
  }
}

/** Both names of the validator, and what the registry says of it. */
async function lookUp(
  asked: Subject,
  { nodes, registry }: World,
  { journal }: Opened,
  signal: AbortSignal,
): Promise<{ subject: Subject; sightings?: Sightings; problem?: string }> {
  const requests = [...journal.facts.requests.values()].map(({ request }) => request)
  const inJournal = requests.find((request) => isAbout(asked, request))
  try {
    const found = asked.index ?? (await indexOf(asked.pubkey, nodes, signal))
    const index = found ?? inJournal?.validatorIndex
    if (index === undefined) return { subject: asked }
    const readSightings = createSightingsReader(nodes.consensus.nodes, registry)
    const sightings = (await readSightings([index], signal)).get(index)
    const entry = sightings?.head.find((one) => one.entry !== undefined)?.entry
    const subject = { index, pubkey: asked.pubkey ?? entry?.pubkey }
    return { subject, ...(sightings === undefined ? {} : { sightings }) }
  } catch (error) {
    signal.throwIfAborted()
    const subject = { ...asked, index: asked.index ?? inJournal?.validatorIndex }
    return { subject, problem: `the registry cannot be read: ${messageOf(error)}` }
  }
}

async function indexOf(
  pubkey: Pubkey | undefined,
  { consensus }: World['nodes'],
  signal: AbortSignal,
): Promise<ValidatorIndex | undefined> {
  if (pubkey === undefined) return undefined
  const answers = await consensus.nodes.every(
    (node, _host, deadline) => node.indexOf(pubkey, deadline),
    signal,
  )
  const told = answers.filter((answer) => answer.ok)
  const failed = answers.find((answer) => !answer.ok)
  if (told.length === 0) throw failed?.error ?? new Error('no consensus node answered')
  return told.find(({ value }) => value !== undefined)?.value
}
