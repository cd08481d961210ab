/** Milliseconds between two looks of the page at the daemon. */
const EVERY_MS = 15_000

/**
 * Asks for the page again and puts its new content in place, with what was open still open and the
 * focus where it was. A daemon that does not answer must not leave a page behind that says that all
 * is well: then a line says so, and the page turns grey.
 */
export const REFRESH_SCRIPT = `'use strict'
const byId = (id) => document.getElementById(id)

function prepare() {
  for (const button of document.querySelectorAll('button[data-copy]')) button.hidden = false
}

function show(fresh) {
  const opened = [...document.querySelectorAll('details[open]')].map(({ id }) => id)
  const focused = document.activeElement
  const focusedId = focused?.id || focused?.closest('details')?.id
  const before = byId('sentence').textContent
  byId('page').replaceWith(fresh.getElementById('page'))
  for (const id of opened) if (byId(id)) byId(id).open = true
  const again = focusedId && byId(focusedId)
  if (again) (again.matches('details') ? again.querySelector('summary') : again).focus({ preventScroll: true })
  document.title = fresh.title
  document.querySelector('link[rel=icon]').href = fresh.querySelector('link[rel=icon]').href
  const after = byId('sentence').textContent
  if (after !== before) byId('news').textContent = after
  prepare()
}

async function refresh() {
  let isStale = false
  try {
    const answer = await fetch(location.pathname + location.search, { cache: 'no-store', signal: AbortSignal.timeout(${EVERY_MS}) })
    if (!answer.ok) throw new Error(answer.status)
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    if (!fresh.getElementById('page')) throw new Error('not the page')
    // Nobody who marks text or is about to press a button is to lose what is under the hand.
    if (getSelection().isCollapsed && !document.querySelector('button:active')) show(fresh)
  } catch {
    isStale = true
    document.title = 'No answer · Validator Ejector'
  }
  byId('stale').hidden = !isStale
  document.body.classList.toggle('stale', isStale)
  setTimeout(refresh, ${EVERY_MS})
}

document.addEventListener('click', async ({ target }) => {
  const button = target.closest?.('button[data-copy]')
  if (!button) return
  const list = byId(button.dataset.copy)
  const text = [...list.querySelectorAll('code')].map((code) => code.textContent).join('\\n')
  try {
    await navigator.clipboard.writeText(text)
    button.textContent = 'Copied'
  } catch {
    // Without HTTPS a page may not write to the clipboard: the keys are marked instead.
    getSelection().selectAllChildren(list)
    button.textContent = 'Marked: copy now'
  }
})

prepare()
setTimeout(refresh, ${EVERY_MS})
`
