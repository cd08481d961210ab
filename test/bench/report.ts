const MARKED = /(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/

/** The document with this report between its marks. @throws when it has none */
export function withReport(document: string, report: string): string {
  if (!MARKED.test(document)) throw new Error('no <!-- bench --> … <!-- /bench --> in the README')
  return document.replace(MARKED, (_, open: string, close: string) => `${open}${report}\n${close}`)
}

/** Names in the first column of the table between the marks, and what was measured. */
export function rowsIn(document: string): readonly { row: string; work: string }[] {
  const [report = ''] = MARKED.exec(document) ?? []
  return report
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) => {
      const [, row = '', work = ''] = line.split('|').map((cell) => cell.trim())
      return { row, work }
    })
}
