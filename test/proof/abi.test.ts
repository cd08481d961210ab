import { expect, test } from 'vitest'
import {
  decodeInput,
  decodeOutput,
  delegateAbi,
  exitBusAbi,
  SELECTORS,
  TOPICS,
} from '../../src/execution/abi.ts'

test('selectors and topics are those of the deployed contracts', () => {
  expect(SELECTORS).toEqual({
    validatorsExitBusOracle: '0x12f8d4b9',
    withdrawalVault: '0x69d42148',
    getConsensusContract: '0x8f55b571',
    execute: '0x1cff79cd',
    execTransaction: '0x6a761202',
    submitReport: '0xe33a8d39',
    submitReportData: '0x294492c8',
    submitExitRequestsData: '0xb8fe0ad0',
  })
  expect(exitBusAbi.getFunction('triggerExits')?.selector).toBe('0xa2ab7065')
  expect(TOPICS.validatorExitRequest).toBe(
    '0x96395f55c4997466e5035d777f0e1ba82b8cae217aaad05cf07839eb7c75bcf2',
  )
})

test('what does not decode is undefined, and no exception', () => {
  expect(decodeOutput(delegateAbi, 'getDelegate', '0x')).toBeUndefined()
  expect(decodeInput(delegateAbi, 'execute', '0x12345678')).toBeUndefined()
})

test('an argument that ethers would find bad only when it is looked at does not decode', () => {
  const words = ['f'.repeat(64), '40'.padStart(64, '0'), ''.padStart(64, '0')].join('')
  expect(decodeInput(delegateAbi, 'execute', `${SELECTORS.execute}${words}`)).toBeUndefined()
  const tail = ['20', '40', '1', 'f'.repeat(64)].map((word) => word.padStart(64, '0')).join('')
  const input = `${SELECTORS.submitExitRequestsData}${tail}` as const
  expect(decodeInput(exitBusAbi, 'submitExitRequestsData', input)).toBeUndefined()
})
