import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const pageOf = async (app: RunningApp) => (await fetch(`${app.url}/`)).text()

const pageWhen = (app: RunningApp, text: string) =>
  until(`the page says ${text}`, async () => {
    const html = await pageOf(app)
    return html.includes(text) && html
  })

describe('the page at /', () => {
  test('is served where /status is, and nowhere else', async () => {
    world = await createWorld()
    const app = await world.start()
    for (const path of ['/', '/page.css', '/page.js']) {
      expect((await fetch(app.url + path)).status, path).toBe(404)
    }
    await app.end()
    const open = await world.start({ RUN_STATUS: 'true' })

    for (const [path, type] of [
      ['/', 'text/html'],
      ['/page.css', 'text/css'],
      ['/page.js', 'text/javascript'],
    ] as const) {
      const answer = await fetch(open.url + path)
      expect([answer.status, answer.headers.get('content-type')], path).toEqual([
        200,
        `${type}; charset=utf-8`,
      ])
    }
  })

  test('says what a cycle found, in the words of the status', async () => {
    world = await createWorld()
    world.ask(world.requestOf(1))
    world.chain.finalize()
    const app = await world.start({ RUN_STATUS: 'true' })
    const html = await pageWhen(app, '1 requested exit has no message')

    expect(html).toContain('<h2 id="sentence">Act now: ')
    expect(html).toContain(world.beacon.pubkey(1))
    expect(html).toContain('No valid message for this validator is loaded.')
  })

  test('says so while it waits for nodes, and names them', async () => {
    world = await createWorld()
    const app = await world.start({ RUN_STATUS: 'true', CONSENSUS_NODE: 'http://127.0.0.1:1' })
    const html = await pageWhen(app, 'no consensus node is up and synced')

    expect(html).toContain('127.0.0.1:1')
    expect(html).not.toContain('All is well')
  })

  test('escapes names of files and of operators', async () => {
    world = await createWorld()
    const name = '"><img src=x onerror=alert(1)>'
    for (const module of world.chain.modules) {
      module.keys = { 5: [world.beacon.pubkey(3)] }
      module.operatorNames = { 5: name }
    }
    writeFileSync(join(world.folder, '<b>&amp;.json'), 'nothing')
    const app = await world.start({ RUN_STATUS: 'true' })
    const html = await pageWhen(app, '&lt;b>&amp;amp;.json')

    expect(html).not.toContain('<img')
    expect(await pageWhen(app, '&quot;>&lt;img src=x')).not.toContain('<img')
    expect(html).not.toContain('<b>&amp;')
  })
})
