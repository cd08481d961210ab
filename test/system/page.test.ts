import { mkdirSync } from 'node:fs'
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
  missingMessage,
  onHold,
  overdue,
  starting,
  thousand,
  trusting,
} from '../page/documents.ts'

/** Screenshots of the run, to be looked at. */
const SHOTS = fileURLToPath(new URL('../../.tmp/page/', import.meta.url))
const STATES = {
  allWell,
  missingMessage,
  overdue,
  onHold,
  dryRun,
  trusting,
  starting,
  thousand,
  hostile,
}

const WIDE = { width: 1_280, height: 900 }
const PHONE = { width: 390, height: 844 }
const views = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [WIDE, PHONE].map((viewport) => ({ colorScheme, viewport })),
)

let browser: Browser
let server: HttpServer
let shown: StatusDocument = allWell()
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true })
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  server = await serve()
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

type Options = Parameters<Browser['newContext']>[0]

/** A browser's window on the page; the list holds whatever the browser complains about. */
async function visit(status: StatusDocument, options: Options = {}) {
  shown = status
  const context = await browser.newContext({ viewport: WIDE, ...options })
  closers.push(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', () => complaints.push('dialog'))
  await page.goto(`http://127.0.0.1:${server.port}/`)
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
    await page.screenshot({ path: `${path}.png`, fullPage: name !== 'thousand' })
    if (name !== 'thousand') {
      const openAll = 'for (const one of document.querySelectorAll("details")) one.open = true'
      await page.evaluate(openAll)
      await page.screenshot({ path: `${path}-opened.png`, fullPage: true })
    }

    expect(await brokenRules(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width)
    expect(await page.evaluate('window.pwned')).toBeUndefined()
    expect(complaints).toEqual([])
  })
})
