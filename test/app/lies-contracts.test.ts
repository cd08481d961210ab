import { afterEach, describe, expect, test } from 'vitest'
import { consensusReachedLog, encodeSubmitReport } from '../sim/abi.ts'
import { seededAddress } from '../sim/contracts.ts'
import { COMPANIES, createScene, reasonsFor, type Scene } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { cycles } from '../support/world.ts'

let scene: Scene
afterEach(() => scene.close())

const FALSE = seededAddress('a contract of the liar')
const asWord = (address: string) => `0x${address.slice(2).padStart(64, '0')}`

/** The liar answers calls to `to` with its own contract. */
const answerFalsely = (to: string) =>
  scene.liar.onResult('eth_call', (result, [call]) =>
    call.to.toLowerCase() === to ? asWord(FALSE) : result,
  )

const servedInTime = (index: number) => until(`${index} is served`, () => scene.posts(index) > 0)

describe.each(COMPANIES)('a node that lies, %s, about the contracts:', (company) => {
  test('a false exit bus with events and a report of its own', async () => {
    scene = await createScene(company)
    const { chain, world, forge, request, validator, app, thieves } = scene
    const [real, forged] = [validator(), validator()]
    const trueBus = chain.exitBus
    forge(() => {
      chain.exitBus = FALSE
      chain.submitReport({ requests: [request(forged)], signers: thieves })
      chain.exitBus = trueBus
    })
    answerFalsely(chain.locator)
    // The false exit bus names the true HashConsensus, where no vote for this report is.
    chain.setContract(FALSE, () => asWord(chain.consensus))
    world.ask(request(real))

    await until('the lie is told', () => reasonsFor(app, forged).length > 0)
    expect(reasonsFor(app, forged)).toEqual(['unlisted-signer'])
    if (company === 'alone') {
      await cycles(app, 3)
      expect(scene.posts(real)).toBe(0)
      scene.liar.tellTruth()
    }
    await servedInTime(real)
    await cycles(app, 3)
    expect(scene.posts(forged)).toBe(0)
    expect(await app.metric('event_security_verification', { result: 'error' })).toBe(1)
  })

  test('a false HashConsensus with votes of its own', async () => {
    scene = await createScene(company)
    const { chain, world, forge, request, validator, app, thieves } = scene
    const [real, forged] = [validator(), validator()]
    const trueConsensus = chain.consensus
    forge(() => {
      chain.consensus = FALSE
      chain.submitReport({ requests: [request(forged)], signers: thieves })
      chain.consensus = trueConsensus
    })
    answerFalsely(chain.exitBus)
    world.ask(request(real))

    await until('the lie is told', () => reasonsFor(app, forged).length > 0)
    expect(reasonsFor(app, forged)).toEqual(['unlisted-signer'])
    if (company === 'alone') {
      await until('nothing is found there', () => reasonsFor(app, real).length > 0)
      expect(reasonsFor(app, real)).toEqual(['no-consensus-log'])
      scene.liar.tellTruth()
    }
    await servedInTime(real)
    await cycles(app, 3)
    expect(scene.posts(forged)).toBe(0)
  })

  test("a member's vote for the hash on a contract that is no HashConsensus", async () => {
    scene = await createScene(company)
    const { chain, world, forge, request, validator, app } = scene
    const [real, forged] = [validator(), validator()]
    const [member] = chain.members
    forge(() => {
      const report = chain.submitReport({ requests: [request(forged)], signers: [] })
      chain.addTransaction({
        signer: member!.wallet,
        to: FALSE,
        data: encodeSubmitReport(report.refSlot, report.hash),
        logs: [consensusReachedLog(chain.consensus, report.refSlot, report.hash, 2)],
        block: report.dataTransaction.blockNumber,
      })
    })
    world.ask(request(real))
    await servedInTime(real)
    await until('the lie is told', () => reasonsFor(app, forged).length > 0)
    await cycles(app, 3)
    expect(reasonsFor(app, forged)).toEqual(['wrong-target'])
    expect(scene.posts(forged)).toBe(0)
  })

  test('no contracts at all', async () => {
    scene = await createScene(company)
    const { world, liar, request, validator, app } = scene
    const real = validator()
    liar.onResult('eth_call', () => '0x')
    world.ask(request(real))
    if (company === 'alone') {
      await until('it is said', () => app.said('gave no address: check LOCATOR_ADDRESS').length > 0)
      await cycles(app, 3)
      expect(scene.posts(real)).toBe(0)
      liar.tellTruth()
    }
    await servedInTime(real)
  })
})
