import bls from '@chainsafe/bls'
import { expect, test, vi } from 'vitest'
import { type BlsCheck, createBatchVerifier, verifyBatch } from '../../src/lib/bls.ts'
import { secretKey } from '../messages/fixtures.ts'

const BATCH = 32

const checkOf = (index: number, signer = index): BlsCheck => {
  const message = Buffer.alloc(32, index)
  const signature = secretKey(signer).sign(message).toBytes()
  return { pubkey: secretKey(index).toPublicKey().toBytes(), message, signature }
}
const good = Array.from({ length: BATCH }, (_, index) => checkOf(index))
const withBad = (at: number, bad: BlsCheck) => good.with(at, bad)

/** The verdicts, and how many signatures were verified at each try. */
function verify(checks: readonly BlsCheck[], verifyAll = verifyBatch) {
  const tries = vi.spyOn(bls.Signature, 'verifyMultipleSignatures')
  try {
    const verdicts = verifyAll(checks)
    return { verdicts, tries: tries.mock.calls.map(([sets]) => sets.length) }
  } finally {
    tries.mockRestore()
  }
}

test('a good batch is verified in one go', () => {
  const { verdicts, tries } = verify(good)
  expect(verdicts).toEqual(good.map(() => 'valid'))
  expect(tries).toEqual([BATCH])
})

test.each([0, 13, 31])('in a batch that fails the bad one is found soon: %i', (at) => {
  const { verdicts, tries } = verify(withBad(at, checkOf(at, 99)))
  expect(verdicts).toEqual(good.map((_, i) => (i === at ? 'invalid' : 'valid')))
  // The whole, then what is left over is a quarter less, or three, each time; then the others.
  expect(tries.length).toBeLessThanOrEqual(2 + Math.log(BATCH) / Math.log(4 / 3))
  expect(tries.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(2.5 * BATCH)
})

test('whichever of them are bad, they are told, and they alone', () => {
  const few = good.slice(0, 6)
  const signedByOthers = few.map((_, index) => checkOf(index, 99))
  for (let which = 0; which < 2 ** few.length; which += 1) {
    const isBad = (index: number) => (which & (1 << index)) !== 0
    const checks = few.map((check, i) => (isBad(i) ? (signedByOthers[i] ?? check) : check))
    const expected = few.map((_, i) => (isBad(i) ? 'invalid' : 'valid'))
    expect(verifyBatch(checks, 1 + (which % 6))).toEqual(expected)
  }
})

test('what is no point of the curve is refused one by one, and costs nobody else a try', () => {
  const noPoint = Buffer.alloc(96, 0xff)
  const { verdicts, tries } = verify(withBad(7, { ...checkOf(7), signature: noPoint }))
  expect(verdicts).toEqual(good.map((_, i) => (i === 7 ? 'bad-signature' : 'valid')))
  expect(tries).toEqual([BATCH - 1])
})

test('where bad ones are frequent, fewer are tried at once, and more again where they are not', () => {
  const verifyAll = createBatchVerifier()
  const bad = good.map((_, index) => checkOf(index, 99))
  const inTurn = (checks: readonly BlsCheck[]) => verify(checks, verifyAll)
  for (let round = 0; round < 3; round += 1) {
    expect(inTurn(bad).verdicts).toEqual(bad.map(() => 'invalid'))
  }
  expect(inTurn(bad).tries).toEqual(bad.map(() => 1))

  const mixed = good.map((check, at) => (at % 5 === 0 ? checkOf(at, 99) : check))
  const ofMixed = mixed.map((_, at) => (at % 5 === 0 ? 'invalid' : 'valid'))
  expect(inTurn(mixed).verdicts).toEqual(ofMixed)
  for (let round = 0; round < 200; round += 1) {
    const { verdicts, tries } = inTurn(good)
    expect(verdicts).toEqual(good.map(() => 'valid'))
    if (tries.length === 1) return
  }
  expect.fail('it never tries them all at once again')
})

test('two bad signatures whose errors cancel out are both found', () => {
  const [a, b] = [checkOf(1), checkOf(2)]
  const { verdicts } = verify([
    { ...a, signature: b.signature },
    { ...b, signature: a.signature },
  ])
  expect(verdicts).toEqual(['invalid', 'invalid'])
})

test('a library that throws is no verdict on anybody, and spoils no other check', () => {
  const real = bls.Signature.verifyMultipleSignatures
  const bad = checkOf(5)
  const throwing = vi
    .spyOn(bls.Signature, 'verifyMultipleSignatures')
    .mockImplementation((sets) => {
      if (sets.some(({ message }) => Buffer.from(message).equals(bad.message))) {
        throw new Error('out of memory')
      }
      return real(sets)
    })
  try {
    const checks = [checkOf(1), bad, checkOf(2, 99)]
    expect(verifyBatch(checks)).toEqual(['valid', 'failed', 'invalid'])
  } finally {
    throwing.mockRestore()
  }
})

test('one wrong answer about many costs none of them', () => {
  const real = bls.Signature.verifyMultipleSignatures
  for (let wrongAt = 0; wrongAt < 6; wrongAt += 1) {
    const wrong = wrongAt === 0 ? [0] : Array.from({ length: wrongAt }, (_, i) => i + 1)
    let call = 0
    const answers = vi
      .spyOn(bls.Signature, 'verifyMultipleSignatures')
      .mockImplementation((sets) => {
        const isWrong = wrong.includes(call) && sets.length > 1
        call += 1
        return !isWrong && real(sets)
      })
    try {
      expect(verifyBatch(wrongAt === 0 ? good : withBad(9, checkOf(9, 99)))).toEqual(
        good.map((_, i) => (wrongAt > 0 && i === 9 ? 'invalid' : 'valid')),
      )
    } finally {
      answers.mockRestore()
    }
  }
})

test('a library that cannot take a key in is no verdict on the key', () => {
  const throwing = vi.spyOn(bls.PublicKey, 'fromBytes').mockImplementation(() => {
    throw new Error('memory access out of bounds')
  })
  try {
    expect(verifyBatch([checkOf(1)])).toEqual(['failed'])
  } finally {
    throwing.mockRestore()
  }
})
