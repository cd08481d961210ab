import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { secondsPerSlot } from '../../src/consensus/chain-info.ts'
import { createConsensusNode } from '../../src/consensus/consensus-node.ts'
import { createExitSubmitter } from '../../src/consensus/exit-submitter.ts'
import { chooseForkVersions } from '../../src/consensus/fork.ts'
import type { HttpClient } from '../../src/lib/http.ts'
import { type Epoch, FAR_FUTURE_EPOCH, type ValidatorIndex } from '../../src/lib/primitives.ts'

const RUNS = { seed: 7_044, numRuns: 300 }
const never = new AbortController().signal
const OWN_ERRORS = ['NoAnswerError', 'NodeRefusedError']

/** A node whose every answer is this. */
function nodeThatAnswers(text: string | ((path: string) => string), status = 200) {
  const http: HttpClient = async ({ path = '' }) => ({
    status,
    text: typeof text === 'string' ? text : text(path),
  })
  return {
    ...createConsensusNode(http, 100, () => {}),
    submitExit: createExitSubmitter(http, () => {}),
  }
}
const ids = [0, 1, 2, 7].map((index) => index as ValidatorIndex)

const CALLS = {
  genesis: (node) => node.genesis(never),
  spec: (node) => node.spec(never),
  chainId: (node) => node.chainId(never),
  syncStatus: (node) => node.syncStatus(never),
  fork: (node) => node.fork('head', never),
  finalizedEpoch: (node) => node.finalizedEpoch(never),
  validators: (node) => node.validators('head', ids, never),
  indexOf: (node) => node.indexOf(`0x${'ab'.repeat(48)}` as never, never),
  pendingPartialWithdrawals: (node) => node.pendingPartialWithdrawals(never),
  submitExit: (node) =>
    node.submitExit({ epoch: 1n, validatorIndex: 1, signature: '0x12' } as never, never),
} as const satisfies Record<string, (node: ReturnType<typeof nodeThatAnswers>) => unknown>

/** Keys that answers have, so that shapes are hit and not only missed. */
const key = fc.constantFrom(
  ...['data', 'index', 'validator', 'pubkey', 'status', 'exit_epoch', 'activation_epoch', 'epoch'],
  ...[
    'genesis_time',
    'genesis_validators_root',
    'chain_id',
    'head_slot',
    'is_syncing',
    'finalized',
  ],
  ...['sync_distance', 'header', 'message', 'slot', 'current_version', 'previous_version'],
  ...['validator_index', 'execution_optimistic', '__proto__', 'constructor'],
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 'false', 'TRUE', '0', '-1', '1e3', '0x1', 2 ** 64, -0, ''),
    fc.bigInt({ min: -1n, max: 2n ** 65n }).map(String),
    fc.double(),
    fc.string(),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(key, tie('any'), { maxKeys: 6 }),
  ),
})).any

describe.each(Object.keys(CALLS) as (keyof typeof CALLS)[])(
  'whatever a node answers, %s',
  (name) => {
    async function check(text: string, status: number): Promise<void> {
      try {
        await CALLS[name](nodeThatAnswers(text, status))
      } catch (error) {
        expect(OWN_ERRORS).toContain(error instanceof Error ? error.name : error)
      }
    }
    const status = fc.constantFrom(200, 200, 200, 204, 301, 400, 404, 500, 503)

    test('gives a value or an error of its own: JSON', () =>
      fc.assert(
        fc.asyncProperty(value, status, (body, code) => check(JSON.stringify(body), code)),
        RUNS,
      ))

    test('gives a value or an error of its own: any text', () =>
      fc.assert(fc.asyncProperty(fc.string({ unit: 'binary' }), status, check), RUNS))
  },
)

const uint64 = fc.bigInt({ min: 0n, max: FAR_FUTURE_EPOCH })
/** As a text, or as a number where JSON keeps it. 2^64 - 1 is kept as what it means. */
const written = (number: bigint) =>
  number <= BigInt(Number.MAX_SAFE_INTEGER) || number === FAR_FUTURE_EPOCH
    ? fc.constantFrom(`"${number}"`, `${number}`)
    : fc.constant(`"${number}"`)
const hexOf = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((raw) => `0x${Buffer.from(raw).toString('hex')}`)

test('no valid validator is lost, whatever stands beside it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 10 }),
      hexOf(48),
      fc
        .tuple(uint64, fc.constantFrom(FAR_FUTURE_EPOCH, 5n as Epoch))
        .chain(([activation, exit]) =>
          fc.tuple(fc.constant([activation, exit]), written(activation), written(exit)),
        ),
      fc.array(value, { maxLength: 3 }),
      async (indices, pubkey, [epochs, activation, exit], garbage) => {
        const entries = indices.map(
          (index) =>
            `{"index":"${index}","status":"active_ongoing","validator":{"pubkey":"${pubkey.toUpperCase().replace('0X', '0x')}","activation_epoch":${activation},"exit_epoch":${exit}}}`,
        )
        const beside = garbage
          .filter((one) => JSON.stringify(one) !== undefined)
          .map((one) => JSON.stringify(one))
        const node = nodeThatAnswers(`{"data":[${[...beside, ...entries].join()}]}`)
        const found = await node.validators('head', indices as ValidatorIndex[], never)
        expect(found.entries.size).toBe(indices.length)
        for (const entry of found.entries.values()) {
          expect(entry).toMatchObject({ pubkey, activationEpoch: epochs[0], exitEpoch: epochs[1] })
        }
      },
    ),
    RUNS,
  ))

test('genesis and fork come back as they were written', () =>
  fc.assert(
    fc.asyncProperty(
      fc.nat().chain((time) => fc.tuple(fc.constant(time), written(BigInt(time)))),
      hexOf(32),
      hexOf(4),
      uint64,
      async ([time, timeText], root, version, epoch) => {
        const genesis = `{"data":{"genesis_time":${timeText},"genesis_validators_root":"${root}"}}`
        expect(await nodeThatAnswers(genesis).genesis(never)).toEqual({
          time,
          validatorsRoot: root,
        })
        const fork = `{"data":{"previous_version":"${version}","current_version":"${version}","epoch":"${epoch}"}}`
        expect(await nodeThatAnswers(fork).fork('head', never)).toEqual({
          previousVersion: version,
          currentVersion: version,
          epoch,
        })
      },
    ),
    RUNS,
  ))

test('a spec of any values leads to times that count, and to fork versions or a reason', () =>
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(
          'SECONDS_PER_SLOT',
          'SLOT_DURATION_MS',
          'DENEB_FORK_EPOCH',
          'CAPELLA_FORK_VERSION',
        ),
        fc.oneof(value, hexOf(4), uint64.map(String)),
      ),
      fc.constantFrom(1n, 560_048n, 7n),
      (spec, chainId) => {
        expect(secondsPerSlot(spec) > 0n).toBe(true)
        const facts = { chainId, spec, currentEpoch: 9n as Epoch, stateFork: undefined }
        const choice = chooseForkVersions(facts, {
          capellaForkVersion: undefined,
          forceDeneb: false,
        })
        if (choice.ok) expect(choice.forkVersions.length).toBeGreaterThan(0)
        else expect(choice.detail).not.toBe('')
      },
    ),
    RUNS,
  ))

test('2^64 - 1 as a number in a spec is never', async () => {
  const spec = JSON.parse(
    '{"DENEB_FORK_EPOCH":18446744073709551615,"CAPELLA_FORK_VERSION":"0x03000000"}',
  )
  const stateFork = { previousVersion: '0x01000000', currentVersion: '0x02000000' } as const
  const facts = { chainId: 7n, spec, currentEpoch: (2n ** 63n) as Epoch, stateFork }
  const settings = { capellaForkVersion: undefined, forceDeneb: false }
  // Deneb never comes: what counts is the fork of the state.
  expect(chooseForkVersions(facts, settings)).toEqual({
    ok: true,
    forkVersions: ['0x02000000', '0x01000000'],
  })
})
