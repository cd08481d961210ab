import { afterEach, describe, expect, test } from 'vitest'
import { encodeRecords, encodeSubmitExitRequestsData, exitRequestLog } from '../sim/abi.ts'
import { seededWallet } from '../sim/ledger.ts'
import { COMPANIES, createScene, reasonsFor, type Scene } from '../support/liar.ts'
import { until } from '../support/until.ts'
import { cycles } from '../support/world.ts'

let scene: Scene
afterEach(() => scene.close())

describe.each(COMPANIES)('a node that lies, %s, about a listed transaction:', (company) => {
  test('other calldata under its hash, and an event to match', async () => {
    const [real, forged] = [1, 2]
    scene = await createScene(company, ({ chain, liar, request, validator, forgeLog }) => {
      expect([validator(), validator()]).toEqual([real, forged])
      const signer = seededWallet('direct')
      const direct = chain.submitDirect({ requests: [request(real)], signer })
      forgeLog(exitRequestLog(chain.exitBus, request(forged), 1), direct)
      const input = encodeSubmitExitRequestsData(encodeRecords([request(real), request(forged)]), 1)
      liar.onResult('eth_getTransactionByHash', (truth) => ({ ...truth, input }))
      chain.finalize()
      return { SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify([direct.hash]) }
    })
    const { app, posts, liar } = scene

    await until('the lie is told', () => reasonsFor(app, forged).length > 0)
    if (company === 'alone') {
      await cycles(app, 3)
      expect(reasonsFor(app, forged)).toEqual(['body-mismatch'])
      expect(reasonsFor(app, real)).toEqual(['body-mismatch'])
      expect(posts(real)).toBe(0)
      expect(await app.metric('event_security_verification', { result: 'error' })).toBe(2)
      liar.tellTruth()
    }
    await until('the genuine one is served', () => posts(real) > 0)
    await cycles(app, 3)
    expect(posts(forged)).toBe(0)
    expect(reasonsFor(app, forged).at(-1)).toBe('record-missing')
  })
})
