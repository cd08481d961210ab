import { AbiCoder } from 'ethers'
import { expect, test } from 'vitest'
import {
  decodeInput,
  decodeOutput,
  delegateAbi,
  SELECTORS,
  stakingRouterAbi,
  TOPICS,
} from '../../src/domain/abi.ts'
import type { Hex } from '../../src/domain/primitives.ts'
import { ELSEWHERE } from './proof-chain.ts'

test('selectors and topics are those of the deployed contracts', () => {
  expect(SELECTORS).toEqual({
    execute: '0x1cff79cd',
    submitReport: '0xe33a8d39',
    submitReportData: '0x294492c8',
    submitExitRequestsData: '0xb8fe0ad0',
  })
  expect(TOPICS.validatorExitRequest).toBe(
    '0x96395f55c4997466e5035d777f0e1ba82b8cae217aaad05cf07839eb7c75bcf2',
  )
})

test('the address of a staking module is read from its struct, whatever follows it', () => {
  const struct = 'tuple(uint24, address, uint16, uint16, uint16, uint8, string, uint64, uint256)'
  const output = AbiCoder.defaultAbiCoder().encode(
    [struct],
    [[3, ELSEWHERE, 100, 200, 300, 0, 'a module of the community', 7, 8]],
  ) as Hex
  const module = decodeOutput(stakingRouterAbi, 'getStakingModule', output)

  expect(module?.id).toBe(3n)
  expect(String(module?.stakingModuleAddress).toLowerCase()).toBe(ELSEWHERE)
})

test('what does not decode is undefined, and no exception', () => {
  expect(decodeOutput(stakingRouterAbi, 'getStakingModule', '0x')).toBeUndefined()
  expect(decodeInput(delegateAbi, 'execute', '0x12345678')).toBeUndefined()
})
