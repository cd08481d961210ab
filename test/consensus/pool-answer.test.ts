import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rejectionIn } from '../../src/consensus/pool-answer.ts'

describe('an answer of a pool with status 200', () => {
  test.each([
    '',
    ' ',
    'null',
    '{}',
    '[]',
    'OK',
    '{"data":null}',
    '{"code":200,"message":"Voluntary exit object(s) was broadcasted"}',
    '{"failures":[]}',
  ])('is acceptance: %s', (text) => {
    expect(rejectionIn(text)).toBeUndefined()
  })

  test.each([
    '{"code":400,"message":"Invalid exit"}',
    '{"code":"400"}',
    '{"statusCode":500,"error":"Internal Server Error"}',
    '{"message":"validator has exited already"}',
    '{"code":200,"failures":[{"index":0,"message":"invalid"}]}',
    '{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}',
  ])('is a rejection: %s', (text) => {
    expect(rejectionIn(text)).toBe(text)
  })

  test('whatever it is, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect([undefined, text]).toContain(rejectionIn(text))
      }),
      { seed: 18, numRuns: 500 },
    )
  })
})
