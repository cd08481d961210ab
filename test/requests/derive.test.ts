import { describe, expect, test } from 'vitest'
import type { RegistryEntry } from '../../src/consensus/registry.ts'
import { FAR_FUTURE_EPOCH, type Pubkey, type ValidatorIndex } from '../../src/lib/primitives.ts'
import type { VerifiedExit } from '../../src/messages/exit-message.ts'
import { derive, type RegistryAnswer, type RegistryAnswers } from '../../src/requests/derive.ts'
import type { ExitRequest } from '../../src/requests/exit-request.ts'
import { applyFact, noFacts } from '../../src/requests/facts.ts'
import { next, nextPoolOfferAt } from '../../src/requests/next.ts'

const PUBKEY = `0x${'aa'.repeat(48)}` as Pubkey
const OTHER = `0x${'bb'.repeat(48)}` as Pubkey

const entry = (more: Partial<Record<keyof RegistryEntry, unknown>> = {}) =>
  ({
    index: 7,
    pubkey: PUBKEY,
    status: 'active_ongoing',
    activationEpoch: 0n,
    exitEpoch: FAR_FUTURE_EPOCH,
    ...more,
  }) as RegistryEntry
const active: RegistryAnswer = { host: 'a', optimistic: false, entry: entry() }
const exiting: RegistryAnswer = { host: 'a', optimistic: false, entry: entry({ exitEpoch: 9n }) }
const others: RegistryAnswer = {
  host: 'a',
  optimistic: false,
  entry: entry({ exitEpoch: 9n, pubkey: OTHER }),
}
const unknown: RegistryAnswer = { host: 'a', optimistic: false, entry: undefined }
const doubtful: RegistryAnswer = { ...exiting, optimistic: true }
const seen = (
  head: readonly RegistryAnswer[],
  finalized: readonly RegistryAnswer[] = [],
): RegistryAnswers => ({
  head,
  finalized,
})
const offers = { firstAcceptedAt: 1, lastAcceptedAt: 1, acceptedInARow: 1 }

describe('derive', () => {
  test.each([
    ['no proof yet', 'none', undefined, undefined, 'seen'],
    ['not proven', 'unproven', offers, seen([exiting], [exiting]), 'unproven'],
    ['nobody answered', 'proven', undefined, undefined, 'proven'],
    ['nobody answered, offered', 'proven', offers, undefined, 'submitted'],
    ['no node in the answer', 'proven', offers, seen([]), 'submitted'],
    ['active', 'proven', undefined, seen([active]), 'proven'],
    ['active, offered', 'proven', offers, seen([active]), 'submitted'],
    ['exiting at head', 'proven', offers, seen([exiting]), 'exiting'],
    ['exiting at head, not by us', 'proven', undefined, seen([exiting], [active]), 'exiting'],
    ['one node still says active', 'proven', offers, seen([exiting, active]), 'submitted'],
    ['one node does not know it', 'proven', offers, seen([exiting, unknown]), 'submitted'],
    ['one node is optimistic', 'proven', offers, seen([exiting, doubtful]), 'submitted'],
    ['finalized', 'proven', offers, seen([exiting], [exiting]), 'settled'],
    ['finalized, not by us', 'proven', undefined, seen([exiting], [exiting]), 'lapsed'],
    ['finalized at one of two', 'proven', offers, seen([exiting], [exiting, active]), 'exiting'],
    ['finalized optimistically', 'proven', offers, seen([exiting], [doubtful]), 'exiting'],
    ['taken out by a reorg', 'proven', offers, seen([active], [exiting]), 'submitted'],
    ['another key exits there', 'proven', undefined, seen([others], [others]), 'proven'],
    ['another key exited by us', 'proven', offers, seen([others], [others]), 'proven'],
    ['one node has another key', 'proven', offers, seen([exiting, others], [exiting]), 'submitted'],
    ['another key is finalized', 'proven', offers, seen([exiting], [others]), 'exiting'],
  ] as const)('%s', (_name, proof, given, sightings, state) => {
    expect(derive(proof, PUBKEY, given, sightings)).toBe(state)
  })
})

describe('next', () => {
  const request = { validatorIndex: 7, pubkey: PUBKEY } as ExitRequest
  const exit = { epoch: 5n, validatorIndex: 7, pubkey: PUBKEY } as VerifiedExit
  const message = (held: VerifiedExit | undefined = exit, loaded = true) =>
    ({ kind: 'message', exit: held, loaded }) as const
  const chain = {
    currentEpoch: 1_000n,
    shardCommitteePeriod: 256n,
    hasPendingPartialWithdrawal: false,
  } as never
  const decide = (
    sightings: RegistryAnswers | undefined,
    means: Parameters<typeof next>[3] = message(),
    more: { chain?: object; nextOfferAt?: number } = {},
  ) => {
    const view = { ...(chain as object), ...more.chain } as never
    return next(request, 'proven', sightings, means, view, more.nextOfferAt, 1_000)
  }
  const noMessage = { kind: 'message', exit: undefined, loaded: true } as const
  const at = (activationEpoch: bigint): RegistryAnswer => ({
    ...active,
    entry: entry({ activationEpoch }),
  })

  test.each(['seen', 'unproven', 'exiting', 'settled', 'lapsed'] as const)(
    'nothing is done for a request that is %s',
    (state) => {
      expect(next(request, state, undefined, message(), chain, undefined, 0).kind).toBe('nothing')
    },
  )

  test('a proven request with a message is offered', () => {
    expect(decide(seen([active]))).toEqual({ kind: 'offer', exit })
  })

  test.each([
    ['no message', noMessage, [active], {}, 'no-message'],
    ['no load has ended', { ...noMessage, loaded: false }, [active], {}, 'messages-loading'],
    [
      'message of another key',
      message({ ...exit, pubkey: OTHER }),
      [active],
      {},
      'pubkey-mismatch',
    ],
    [
      'message for later',
      message({ ...exit, epoch: 1_001n } as never),
      [active],
      {},
      'message-epoch',
    ],
    ['activated later', message(), [at(1_001n)], {}, 'not-active'],
    ['activated lately', message(), [at(745n)], {}, 'shard-committee-period'],
    [
      'withdrawal pending',
      message(),
      [active],
      { chain: { hasPendingPartialWithdrawal: true } },
      'pending-partial-withdrawal',
    ],
    ['accepted just now', message(), [active], { nextOfferAt: 1_001 }, 'accepted'],
    [
      'another key at this index',
      message(),
      [{ ...active, entry: entry({ pubkey: OTHER }) }],
      {},
      'pubkey-mismatch',
    ],
  ] as const)('waits: %s', (_name, means, head, more, code) => {
    expect(decide(seen(head), means, more)).toMatchObject({ kind: 'wait', code })
  })

  test.each([
    ['nobody answered', undefined],
    ['no node knows it', seen([unknown])],
    ['one of two nodes says it is too early', seen([at(999n), active])],
    [
      'one of two nodes has another key',
      seen([{ ...active, entry: entry({ pubkey: OTHER }) }, active]),
    ],
    ['an optimistic node says it is too early', seen([{ ...at(999n), optimistic: true }])],
  ] as const)('in doubt it is sent: %s', (_name, sightings) => {
    expect(decide(sightings).kind).toBe('offer')
  })

  test('the first epoch that is allowed is allowed', () => {
    expect(decide(seen([at(744n)])).kind).toBe('offer')
    expect(decide(seen([active]), message({ ...exit, epoch: 1_000n } as never)).kind).toBe('offer')
  })

  test('a webhook is called without a message, and decides itself what is too early', () => {
    expect(decide(seen([at(999n)]), { kind: 'webhook' })).toEqual({
      kind: 'offer',
      exit: undefined,
    })
    const mismatch = seen([{ ...active, entry: entry({ pubkey: OTHER }) }])
    expect(decide(mismatch, { kind: 'webhook' })).toMatchObject({ code: 'pubkey-mismatch' })
  })
})

test('an accepted exit is offered again after 1, 2, 4, 8, then every 16 intervals', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7].map(
    (acceptedInARow) =>
      nextPoolOfferAt({ firstAcceptedAt: 0, lastAcceptedAt: 0, acceptedInARow }, 1_000) + 100,
  )
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000])
})

test('a reorg that takes an exit out starts the offers over', () => {
  const facts = noFacts()
  const validator = 7 as ValidatorIndex
  for (const at of [1, 2, 3]) {
    applyFact(facts, { kind: 'offer-answered', at, validator, accepted: true, answers: [] })
  }
  applyFact(facts, { kind: 'offer-answered', at: 4, validator, accepted: false, answers: [] })
  expect(facts.offers.get(validator)).toEqual({
    firstAcceptedAt: 1,
    lastAcceptedAt: 3,
    acceptedInARow: 3,
  })
  applyFact(facts, { kind: 'sighting', at: 5, validator, seen: 'exiting' })
  expect(facts.offers.get(validator)?.acceptedInARow).toBe(3)
  applyFact(facts, { kind: 'sighting', at: 6, validator, seen: 'active' })
  expect(facts.offers.get(validator)).toEqual({
    firstAcceptedAt: 1,
    lastAcceptedAt: 0,
    acceptedInARow: 0,
  })
})
