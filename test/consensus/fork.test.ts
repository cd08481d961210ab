import { expect, test } from 'vitest'
import {
  chooseForkVersions,
  type ForkFacts,
  type ForkSettings,
  type ForkVersion,
  parseForkVersion,
} from '../../src/consensus/fork.ts'
import type { Epoch, Hex } from '../../src/lib/primitives.ts'

const MAINNET_DENEB = '269568'
const settings: ForkSettings = { capellaForkVersion: undefined, forceDeneb: false }

const facts = (changes: Partial<ForkFacts> = {}): ForkFacts => ({
  chainId: 1n,
  spec: { CAPELLA_FORK_VERSION: '0x03000000', DENEB_FORK_EPOCH: MAINNET_DENEB },
  currentEpoch: 300_000n as Epoch,
  stateFork: { previousVersion: '0x04000000' as Hex, currentVersion: '0x05000000' as Hex },
  ...changes,
})
const versions = (...list: string[]) => ({ ok: true, forkVersions: list })

test('from Deneb on it is the fork version of Capella alone', () => {
  expect(chooseForkVersions(facts(), settings)).toEqual(versions('0x03000000'))
  const atDeneb = facts({ currentEpoch: BigInt(MAINNET_DENEB) as Epoch })
  expect(chooseForkVersions(atDeneb, settings)).toEqual(versions('0x03000000'))
})

test.each([
  [1n, '0x03000000'],
  [17000n, '0x04017000'],
  [560048n, '0x40000910'],
])('chain %s is known, so that a node need not tell', (chainId, version) => {
  const spec = { DENEB_FORK_EPOCH: '0' }
  expect(chooseForkVersions(facts({ chainId, spec }), settings)).toEqual(versions(version))
})

test('before Deneb it is the current fork version, then the previous one', () => {
  const stateFork = { previousVersion: '0x02000000' as Hex, currentVersion: '0x03000000' as Hex }
  const before = facts({ currentEpoch: 269_567n as Epoch, stateFork })
  expect(chooseForkVersions(before, settings)).toEqual(versions('0x03000000', '0x02000000'))
})

test('on a chain that began with its current fork one version is tried once', () => {
  const stateFork = { previousVersion: '0x10000004' as Hex, currentVersion: '0x10000004' as Hex }
  const young = facts({ chainId: 1337n, spec: {}, stateFork })
  expect(chooseForkVersions(young, settings)).toEqual(versions('0x10000004'))
})

test.each([[{}], [{ DENEB_FORK_EPOCH: '18446744073709551615' }]])(
  'Deneb that is absent or never is not reached: %j',
  (spec) => {
    expect(chooseForkVersions(facts({ chainId: 1337n, spec }), settings)).toEqual(
      versions('0x05000000', '0x04000000'),
    )
  },
)

test('FORCE_DENCUN_FORK_MODE overrides what the node says of Deneb', () => {
  const forced = { ...settings, forceDeneb: true }
  expect(chooseForkVersions(facts({ spec: {} }), forced)).toEqual(versions('0x03000000'))
  const nonsense = facts({ spec: { DENEB_FORK_EPOCH: 'soon' } })
  expect(chooseForkVersions(nonsense, forced)).toEqual(versions('0x03000000'))
})

test('the environment wins over the known chain and the node', () => {
  const own = { ...settings, capellaForkVersion: '0x99000000' as ForkVersion }
  expect(chooseForkVersions(facts(), own)).toEqual(versions('0x99000000'))
})

test('on an unknown chain the node is the source', () => {
  const spec = { CAPELLA_FORK_VERSION: '0xAB000040', DENEB_FORK_EPOCH: '10' }
  const unknown = facts({ chainId: 3151908n, spec })
  expect(chooseForkVersions(unknown, settings)).toEqual(versions('0xab000040'))
})

test('a node that disagrees with a known chain is an error that names both', () => {
  const spec = { CAPELLA_FORK_VERSION: '0x40000910', DENEB_FORK_EPOCH: '0' }
  expect(chooseForkVersions(facts({ spec }), settings)).toEqual({
    ok: false,
    code: 'chain-mismatch',
    detail: expect.stringMatching(/0x40000910.*mainnet.*0x03000000/),
  })
})

test('an unknown chain whose node does not tell is an error that names the variable', () => {
  const spec = { DENEB_FORK_EPOCH: '0' }
  expect(chooseForkVersions(facts({ chainId: 1337n, spec }), settings)).toEqual({
    ok: false,
    code: 'capella-unknown',
    detail: expect.stringContaining('set CAPELLA_FORK_VERSION'),
  })
})

test.each([
  [{ CAPELLA_FORK_VERSION: '3' }],
  [{ CAPELLA_FORK_VERSION: 3 }],
  [{ DENEB_FORK_EPOCH: '-1' }],
  [{ DENEB_FORK_EPOCH: null }],
])('a malformed spec is an error, not a guess: %j', (spec) => {
  expect(chooseForkVersions(facts({ spec }), settings)).toMatchObject({
    ok: false,
    code: 'spec-malformed',
  })
})

test('a fork version is 4 bytes of 0x-hex in any letter case', () => {
  expect(parseForkVersion('0xAB00CD01')).toBe('0xab00cd01')
  for (const value of ['ab00cd01', '0xab00cd', '0xab00cd0101', '', 3, null, undefined]) {
    expect(parseForkVersion(value)).toBeUndefined()
  }
})
