import { describe, expect, test } from 'vitest'
import { renderPage } from '../../src/page/page.tsx'
import {
  allWell,
  HOSTILE,
  hostile,
  iso,
  missingMessage,
  onHold,
  starting,
  thousand,
  trusting,
  watching,
} from './documents.ts'

const MEGABYTE = 1_000_000

/** Every tag of a document, by its name, with its attributes. */
const tagsOf = (html: string) =>
  [...html.matchAll(/<([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, name = '', attributes = '']) => ({ name, attributes }),
  )

describe('the page', () => {
  test('says in its first heading, its title and its icon whether all is well', () => {
    const html = renderPage(allWell())

    expect(html).toContain('<h2 id="sentence">All is well: 1 exit is on the way.</h2>')
    expect(html).toContain('<title>All is well · Validator Ejector</title>')
    expect(renderPage(missingMessage())).toContain(
      '<h2 id="sentence">Act now: 1 requested exit has no message.</h2>',
    )
    expect(renderPage(starting())).toContain('Look at this: the daemon starts')
  })

  test('has the exact time of each relative one', () => {
    expect(renderPage(allWell())).toContain(
      `<time datetime="${iso(-130)}" title="2026-11-20 11:57:50 UTC">2 min ago</time>`,
    )
  })

  test('has loud banners for what changes everything', () => {
    expect(renderPage(trusting())).toMatch(/class="banner act"><b>TRUST_MODE<\/b>/)
    expect(renderPage(onHold())).toMatch(/class="banner look"><b>HOLD<\/b>/)
    expect(renderPage(allWell())).not.toMatch(/<b>(TRUST_MODE|HOLD|DRY_RUN)<\/b>/)
  })

  test('tells the story of an open exit, with its remedy', () => {
    const html = renderPage(missingMessage())

    expect(html).toContain('No valid message for this validator is loaded.')
    expect(html).toContain('1204520.json was rejected: wrong-signature')
    expect(html).toContain('Remove it at once, and sign an exit message with it elsewhere.')
  })

  test('holds no script, style or handler of its own: the policy lets none run', () => {
    for (const make of [allWell, missingMessage, starting, hostile]) {
      const tags = tagsOf(renderPage(make()))
      expect(tags.filter(({ name }) => ['style', 'iframe', 'img', 'form'].includes(name))).toEqual(
        [],
      )
      expect(tags.filter(({ name }) => name === 'script')).toEqual([
        { name: 'script', attributes: ' src="page.js" defer' },
      ])
      expect(tags.filter(({ attributes }) => /\s(on\w+|style)=/i.test(attributes))).toEqual([])
    }
  })

  test('escapes whatever nodes, files and contracts say', () => {
    const html = renderPage(hostile())
    const names = (text: string) => new Set(tagsOf(text).map(({ name }) => name))

    expect(names(html)).toEqual(new Set([...names(renderPage(missingMessage())), 'noscript']))
    for (const text of HOSTILE.filter((one) => one.includes('<'))) expect(html).not.toContain(text)
    const links = tagsOf(html).filter(({ name }) => name === 'a')
    expect(
      links.every(({ attributes }) =>
        /href="(#[a-z]+|\.\/(\?validator=\d+#open-[\d-]+)?)"/.test(attributes),
      ),
    ).toBe(true)
  })

  test('shows modules and operators in place of messages in watch', () => {
    const html = renderPage(watching())

    for (const text of ['curated-onchain-v1', 'Late Validators', '12 of 39 operators asked']) {
      expect(html).toContain(text)
    }
    for (const id of ['messages', 'next', 'oracle'])
      expect(html).not.toContain(`<section id="${id}"`)
  })

  test('stays under a megabyte with 1,000 open requests, and tells of the rest', () => {
    const html = renderPage(thousand())

    expect(Buffer.byteLength(html)).toBeLessThan(MEGABYTE)
    expect(html.split('id="open-').length - 1).toBe(1_000)
    expect(html).toContain('400 more are not shown.')
  })

  test('has the story of each of them a link away', () => {
    const last = thousand().requests.open.rows.at(-1)
    const id = `open-${last?.validator}-${last?.block}`
    const link = `<a class="row" id="${id}" href="./?validator=${last?.validator}#${id}">`

    expect(renderPage(thousand())).toContain(link)
    expect(renderPage(thousand())).not.toContain(last?.pubkey)
    const html = renderPage(thousand(), last?.validator)
    expect(html).toContain(`<details id="${id}" open>`)
    expect(html).toContain(last?.pubkey)
  })
})
