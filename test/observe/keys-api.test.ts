import { describe, expect, test } from 'vitest'
import type {
  Address,
  Bytes32,
  Epoch,
  ModuleId,
  OperatorId,
  Pubkey,
  Slot,
  ValidatorIndex,
} from '../../src/lib/primitives.ts'
import { createKeysApi } from '../../src/observe/keys-api.ts'
import type { OperatorOrder } from '../../src/requests/next-exits.ts'

const key = (at: number) => `0x${at.toString(16).padStart(96, '0')}` as Pubkey
const addressOf = (module: number) => `0x${'a'.repeat(39)}${module}` as Address
const SNAPSHOT = {
  epoch: 123 as unknown as Epoch,
  root: `0x${'b'.repeat(64)}` as Bytes32,
  slot: 3_936 as unknown as Slot,
  timestamp: 1_700_000_000,
  blockNumber: 77,
  blockHash: `0x${'c'.repeat(64)}` as Bytes32,
}

/** Validators from 100 on, and one key without an index behind them. */
const orderOf = (module: number, operator: number, validators: number): OperatorOrder => ({
  moduleId: module as ModuleId,
  operatorId: operator as OperatorId,
  moduleAddress: addressOf(module),
  name: undefined,
  overTarget: 0,
  snapshot: SNAPSHOT,
  readAt: 0,
  keys: [
    ...Array.from({ length: validators }, (_, at) => ({
      pubkey: key(100 + at),
      index: (100 + at) as ValidatorIndex,
      status: 'active_ongoing',
    })),
    { pubkey: key(1), index: undefined, status: 'unknown' },
  ],
})

const SCOPE = new Map([
  [1 as ModuleId, [0, 5, 9] as OperatorId[]],
  [4 as ModuleId, [0] as OperatorId[]],
])

/** 25 validators of operator 5; 9 is not read yet. */
function create(orders = [orderOf(1, 5, 25), orderOf(1, 0, 3), orderOf(4, 0, 11)]) {
  const api = createKeysApi('1.2.3', SCOPE)
  api.attach({ chainId: 560048n, orders: () => orders })
  return (url: string, from = api) => {
    const [path = '', query] = url.split('?')
    return from.answer(path, new URLSearchParams(query))
  }
}
const TO_PREPARE = '/v1/modules/1/validators/validator-exits-to-prepare/5'
const UNSIGNED = '/v1/modules/1/validators/generate-unsigned-exit-messages/5'
const ALL = 25

const dataOf = (answer: ReturnType<ReturnType<typeof create>>) =>
  (answer as { body: { data: readonly object[] } }).body.data

describe('how many are given of 25 validators', () => {
  test.each([
    ['', 3],
    ['?percent=&max_amount=', 3],
    ['?percent=10', 3],
    ['?percent=1', 1],
    ['?percent=4', 1],
    ['?percent=5', 2],
    ['?percent=100', ALL],
    ['?percent=250', ALL],
    ['?percent=99999999999999999999999', ALL],
    ['?percent=0', 0],
    ['?percent=0&max_amount=', 0],
    ['?max_amount=4', 4],
    ['?percent=&max_amount=4', 4],
    ['?max_amount=1000', ALL],
    ['?max_amount=0', ALL],
    ['?percent=0&max_amount=0', ALL],
    ['?percent=0&max_amount=7', 7],
    ['?percent=20&max_amount=1', 5],
    ['?percent=20&max_amount=0', 5],
    ['?anything=else', 3],
  ])('%s: %i', (query, count) => {
    const ask = create()
    const wanted = Array.from({ length: count }, (_, at) => 100 + at)
    expect(dataOf(ask(TO_PREPARE + query))).toEqual(
      wanted.map((index) => ({ validatorIndex: index, key: key(index) })),
    )
    expect(dataOf(ask(UNSIGNED + query))).toEqual(
      wanted.map((index) => ({ validator_index: String(index), epoch: '123' })),
    )
  })
})

test('the snapshot is told beside the data', () => {
  const { status, body } = create()(`${TO_PREPARE}?max_amount=1`) ?? {}
  expect(status).toBe(200)
  expect(body).toEqual({
    data: [{ validatorIndex: 100, key: key(100) }],
    meta: { clBlockSnapshot: { ...SNAPSHOT } },
  })
})

test('a module may be named by its address, in any letter case', () => {
  const path = TO_PREPARE.replace('/1/', `/${addressOf(1).toUpperCase().replace('0X', '0x')}/`)
  expect(dataOf(create()(path))).toHaveLength(3)
})

describe('what cannot be answered', () => {
  const bad = (...message: string[]) => ({ statusCode: 400, message, error: 'Bad Request' })
  const missing = (message: string) => ({ statusCode: 404, message, error: 'Not Found' })
  const [PERCENT, AMOUNT] = ['percent', 'max_amount'].map(
    (name) => `${name} must be a whole number, 0 or more`,
  ) as [string, string]
  const EARLY = { statusCode: 425, message: 'Too early response' }
  const UNKNOWN_ADDRESS = `0x${'d'.repeat(40)}`

  test.each([
    [`${TO_PREPARE}?percent=-1`, bad(PERCENT)],
    [`${TO_PREPARE}?percent=1.5`, bad(PERCENT)],
    [`${UNSIGNED}?percent=ten&max_amount=0x1`, bad(PERCENT, AMOUNT)],
    [`${TO_PREPARE}?max_amount=1&max_amount=2`, bad(AMOUNT)],
    [TO_PREPARE.replace(/5$/, 'five'), bad('operator_id must be a whole number, 0 or more')],
    [TO_PREPARE.replace('/1/', '/7/'), missing('Module with moduleId 7 is not supported')],
    [TO_PREPARE.replace('/1/', '/x/'), missing('Module with moduleId x is not supported')],
    [
      TO_PREPARE.replace('/1/', `/${UNKNOWN_ADDRESS}/`),
      missing(`Module with moduleId ${UNKNOWN_ADDRESS} is not supported`),
    ],
    [
      TO_PREPARE.replace(/5$/, '6'),
      missing('Operator 6 of module 1 is not in the scope of this daemon'),
    ],
    [TO_PREPARE.replace(/5$/, '9'), EARLY],
    ['/exits?operatorId=6', missing('Operator 6 is not in the scope of this daemon')],
    ['/exits?operatorId=-1', bad('operatorId must be a whole number, 0 or more')],
    ['/exits?operatorId=0&moduleId=7', missing('Module with moduleId 7 is not supported')],
    ['/exits?operatorId=9', EARLY],
  ])('%s', (url, body) => {
    expect(create()(url)).toEqual({ status: body.statusCode, body })
  })

  test('is said to be too early before the first reading', () => {
    const fresh = createKeysApi('1.2.3', SCOPE)
    const ask = create()
    for (const url of [TO_PREPARE, UNSIGNED, '/exits', '/exits?operatorId=5']) {
      expect(ask(url, fresh)).toEqual({ status: 425, body: EARLY })
    }
    const byAddress = TO_PREPARE.replace('/1/', `/${addressOf(1)}/`)
    expect(ask(byAddress, fresh)?.status).toBe(425)
  })

  test('is no answer at all on any other path', () => {
    for (const path of ['/v1/modules', '/exits/', '/v1/status/', `${TO_PREPARE}/`, '/v1/keys']) {
      expect(create()(path)).toBeUndefined()
    }
  })
})

test('the status names version, chain and snapshots, which are null before the first reading', () => {
  const { blockNumber, blockHash, timestamp } = SNAPSHOT
  const elBlockSnapshot = { blockNumber, blockHash, timestamp }
  expect(create()('/v1/status')?.body).toEqual({
    appVersion: '1.2.3',
    chainId: 560048,
    elBlockSnapshot,
    clBlockSnapshot: SNAPSHOT,
  })
  expect(create([])('/v1/status')?.body).toMatchObject({
    elBlockSnapshot: null,
    clBlockSnapshot: null,
  })
})

describe('the older draft', () => {
  const rows = (...indices: number[]) =>
    indices.map((index) => ({ validator_index: String(index), public_key: key(index) }))

  test('gives the first tenth, at least one, of every operator by its id', () => {
    expect(create()('/exits')?.body).toEqual({
      // Operator 0 of module 1, and that of module 4.
      0: rows(100, 100, 101),
      5: rows(100, 101, 102),
    })
  })
  test('of one operator, and of one module', () => {
    expect(create()('/exits?operatorId=5')?.body).toEqual({ 5: rows(100, 101, 102) })
    expect(create()('/exits?operatorId=0&moduleId=4')?.body).toEqual({ 0: rows(100, 101) })
  })
  test('as messages that are to be signed', () => {
    expect(create()('/exits?operatorId=0&moduleId=1&messages=true')?.body).toEqual({
      0: [{ epoch: '123', validator_index: '100' }],
    })
  })
})
