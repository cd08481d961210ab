import { afterEach, expect, test } from 'vitest'
import { createFinalityWorld, type FinalityWorld } from '../support/finality.ts'
import { runHere } from './command.ts'
import { createExplain, paragraph } from './explain-support.ts'

let world: FinalityWorld
afterEach(() => world.close())

const ASKED = 1
const setUp = async () => {
  world = await createFinalityWorld()
  world.writeMessage(ASKED)
  await world.askFinal(ASKED)
  return world
}
const { explained } = createExplain(() => world)
const stranger = JSON.stringify([`0x${'12'.repeat(20)}`])
const hostOf = () => new URL(world.consensus.url).host
const check = (env: NodeJS.ProcessEnv, ...args: readonly string[]) =>
  runHere(['check', ...args], world.env({ JOB_INTERVAL: '384000', HTTP_PORT: '0', ...env }))

test('explain tells the finalized block that proves a request, and who confirmed it', async () => {
  const { chain, finality } = await setUp()
  const found = paragraph(await explained(ASKED, finality()), 'Proof')

  expect(found).toEqual([
    `✓ in the finalized block ${chain.hashOf(chain.head)} of slot ${world.slotOf(chain.head)}, as ${hostOf()} says`,
  ])
})

test('explain tells what each of two proofs lacks', async () => {
  const { finality } = await setUp()
  const env = finality({ PROOF: 'both', ORACLE_ADDRESSES_ALLOWLIST: stranger })
  const found = paragraph(await explained(ASKED, env), 'Proof').join('\n')

  expect(found).toContain('by oracle: signer is not in the allowlist (0x')
  expect(found).toContain(
    `finalized in block ${world.chain.head} by your consensus node ${hostOf()}`,
  )
})

test('check says who confirmed what is proven, and compares no allowlist', async () => {
  const { finality } = await setUp()
  const { stdout } = await check(finality())

  expect(stdout).toContain(`1 of 1 proven requests are in a finalized block, as ${hostOf()} says`)
  expect(stdout).toContain('by finality alone: no allowlist is needed')
  expect(stdout).not.toContain('ORACLE_QUORUM')
})

test('check beside PROOF=oracle says that a request is genuine that the list does not prove', async () => {
  const { chain } = await setUp()
  const env = { ORACLE_ADDRESSES_ALLOWLIST: stranger, EXIT_BUS_ADDRESS: chain.exitBus }
  const { stdout } = await check(env)

  expect(stdout).toMatch(
    /signer is not in the allowlist: 0x\w{40}.*; finalized in block \d+ by your consensus node /,
  )
  const { requests } = JSON.parse((await check(env, '--json')).stdout)
  expect(requests).toMatchObject([{ validator: ASKED, verdict: 'unproven', proof: null }])
})
