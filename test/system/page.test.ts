import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type HttpServer, startHttpServer } from '../../src/observe/http-server.ts'
import { pageRoutes } from '../../src/page/page-routes.ts'
import type { StatusDocument } from '../../src/page/status-document.ts'
import {
  allWell,
  dryRun,
  hostile,
  iso,
  missingMessage,
  onHold,
  overdue,
  starting,
  thousand,
  trusting,
  watching,
} from '../page/documents.ts'
import { find } from './tools.ts'

/** Screenshots of the run, to be looked at. */
const SHOTS = fileURLToPath(new URL('../../.tmp/page/', import.meta.url))
/** The one that the README shows. */
const PICTURE = fileURLToPath(new URL('../../docker/status-page.png', import.meta.url))
const STATES = {
  allWell,
  missingMessage,
  overdue,
  onHold,
  dryRun,
  trusting,
  watching,
  starting,
  thousand,
  hostile,
}

const WIDE = { width: 1_280, height: 900 }
const PHONE = { width: 390, height: 844 }
/** Too tall for one picture. */
const TALL = ['thousand', 'hostile']
const views = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [WIDE, PHONE].map((viewport) => ({ colorScheme, viewport })),
)

let browser: Browser
let server: HttpServer
let address: string
let shown: StatusDocument = allWell()
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true })
  browser = await chromium.launch({ executablePath: find('chromium'), args: ['--no-sandbox'] })
  server = await serve()
  address = `http://127.0.0.1:${server.port}/`
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

const serve = (port = 0) =>
  startHttpServer({
    port,
    host: '127.0.0.1',
    runMetrics: false,
    runHealthCheck: false,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    health: () => ({ ok: true, reasons: [] }),
    ready: () => ({ ok: true, reasons: [] }),
    page: pageRoutes(() => shown),
  })

/** Milliseconds: a little more than between two looks of the page at the daemon. */
const A_WHILE = 16_000

const CUT_SHORT = /\b408\b|ERR_CONNECTION_RESET/

type Options = Parameters<Browser['newContext']>[0]

/** A browser's window on the page; the list holds whatever the browser complains about. */
async function visit(status: StatusDocument, options: Options = {}) {
  shown = status
  const context = await browser.newContext({ viewport: WIDE, ...options })
  closers.push(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // A refresh that a busy machine cut short is no fault of the page, which tells it by itself.
    if (!CUT_SHORT.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', () => complaints.push('dialog'))
  if (options.javaScriptEnabled !== false) await page.clock.install()
  await page.goto(address)
  return { page, context, complaints }
}

/** Rules that are broken, each with where. */
async function brokenRules(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  )
  return results.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map(({ html }) => html.slice(0, 200))
        .join(' | ')}`,
  )
}

describe.each(Object.entries(STATES))('%s', (name, make) => {
  test.each(views)('is readable: $colorScheme, $viewport.width', async (view) => {
    const { page, complaints } = await visit(make(), view)
    const { colorScheme, viewport } = view
    const path = `${SHOTS}${name}-${colorScheme}-${viewport.width}`
    await page.screenshot({ path: `${path}.png`, fullPage: !TALL.includes(name) })
    if (!TALL.includes(name)) {
      const openAll = 'for (const one of document.querySelectorAll("details")) one.open = true'
      await page.evaluate(openAll)
      await page.screenshot({ path: `${path}-opened.png`, fullPage: true })
    }

    // A thousand rows are alike: one look at them is enough.
    if (name !== 'thousand' || view === views[0]) expect(await brokenRules(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width)
    expect(await page.evaluate('window.pwned')).toBeUndefined()
    expect(complaints).toEqual([])
  })
})

describe('the page', () => {
  test('is as the README shows it', async () => {
    const { page } = await visit(missingMessage())
    const picture = await page.screenshot({ clip: { x: 0, y: 0, ...WIDE } })
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PICTURE, picture)

    // Fonts and machines differ in their pixels: what is held is that a picture of this page is there.
    const shown = readFileSync(PICTURE)
    expect([shown.readUInt32BE(16), shown.readUInt32BE(20)]).toEqual([WIDE.width, WIDE.height])
    expect(shown.length).toBeLessThan(200_000)
  })

  test('refreshes itself, with what is open still open, and the focus where it was', async () => {
    const { page } = await visit(missingMessage())
    const summary = page.locator('#requests summary').first()
    await summary.focus()
    await page.keyboard.press('Enter')
    shown = { ...missingMessage(), at: iso(60) }
    await page.clock.runFor(A_WHILE)
    await page.getByText('12:01:00 UTC').waitFor()

    expect(await page.locator('#requests details[open]').count()).toBe(1)
    expect(await page.evaluate('document.activeElement.parentElement.id')).toMatch(/^open-1204520-/)
    expect(await page.locator('#news').textContent()).toBe('')
  })

  test('tells a screen reader when the judgement changes', async () => {
    const { page } = await visit(allWell())
    shown = overdue()
    await page.clock.runFor(A_WHILE)
    await page.locator('.verdict.act').waitFor()

    expect(await page.locator('#news').textContent()).toBe('Act now: 1 exit is past the deadline.')
    expect(await page.title()).toMatch(/^Act now/)
  })

  test('does not stay green when the daemon is away, and recovers', async () => {
    const { page } = await visit(allWell())
    const { port } = server
    await server.close()
    await page.clock.runFor(A_WHILE)
    await page.getByRole('alert').waitFor()
    expect(await page.title()).toBe('No answer · Validator Ejector')
    expect(await page.evaluate('getComputedStyle(document.querySelector("#page")).filter')).toBe(
      'grayscale(1)',
    )
    await page.screenshot({ path: `${SHOTS}no-answer.png` })

    server = await serve(port)
    await page.clock.runFor(A_WHILE)
    await page.getByRole('alert').waitFor({ state: 'hidden' })
    expect(await page.title()).toMatch(/^All is well/)
  })

  test('copies the public keys that lack a message', async () => {
    const { page, context } = await visit(allWell())
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.locator('#next summary').click()
    await page.getByRole('button', { name: 'Copy public keys' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()

    const keys = allWell().nextExits.rows[0]?.missing.map(({ pubkey }) => pubkey)
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(keys?.join('\n'))
  })

  test('works without JavaScript: all is there, the rows open, no button that does nothing', async () => {
    const { page } = await visit(missingMessage(), { javaScriptEnabled: false })
    await page.locator('#requests summary').first().click()

    expect(await page.getByText('No valid message for this validator is loaded.').isVisible()).toBe(
      true,
    )
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await page.content()).toContain('http-equiv="refresh"')
  })

  test('leads to each story by keyboard, also far down a long list', async () => {
    const { page } = await visit(thousand())
    const link = page.locator('a.row').last()
    await link.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/validator=1300999#/)

    expect(await page.locator('#requests details[open]').textContent()).toContain(
      'Validator 1300999',
    )
  })

  test('moves nothing where motion is not wanted, and shows where the focus is', async () => {
    const { page } = await visit(allWell(), { reducedMotion: 'reduce' })
    await page.keyboard.press('Tab')

    expect(await page.evaluate('getComputedStyle(document.documentElement).scrollBehavior')).toBe(
      'auto',
    )
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
      'solid',
    )
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the content')
  })
})
