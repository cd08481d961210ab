import { renderPage } from './page.tsx'
import { REFRESH_SCRIPT } from './refresh-script.ts'
import type { StatusDocument } from './status-document.ts'
import { STYLESHEET } from './stylesheet.ts'

type Text = { readonly contentType: string; readonly body: string }

/** The page and what belongs to it, by their paths. It is imported only where it is served. */
export const pageRoutes = (
  read: () => StatusDocument,
): readonly (readonly [path: string, answer: (query: URLSearchParams) => Text])[] => [
  [
    '/',
    (query) => ({
      contentType: 'text/html; charset=utf-8',
      body: renderPage(read(), Number(query.get('validator') ?? Number.NaN)),
    }),
  ],
  ['/page.css', () => ({ contentType: 'text/css; charset=utf-8', body: STYLESHEET })],
  ['/page.js', () => ({ contentType: 'text/javascript; charset=utf-8', body: REFRESH_SCRIPT })],
]
