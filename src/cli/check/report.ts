import type { MessageSnapshot } from '../../messages/snapshot.ts'
import { cleanTexts } from '../clean.ts'
import type { CommandContext, ExitCode } from '../context.ts'
import type { Finding } from './finding.ts'
import { countsOf } from './messages.ts'
import type { RequestRow } from './requests.ts'
import { linesOfFinding, linesOfRefused, linesOfRequests } from './text.ts'

export type Report = ReturnType<typeof createReport>

/** Shows what was found as it comes, or all of it as JSON at the end. */
export function createReport({ terminal, json, version }: CommandContext) {
  const { out, colour } = terminal
  const checks: Finding[] = []
  let section = ''
  let messages: object | null = null
  let requests: readonly RequestRow[] = []
  let replay: readonly RequestRow[] | null = null

  function show(title: string, findings: readonly Finding[], more: readonly string[] = []): void {
    checks.push(...findings)
    if (json || findings.length === 0) return
    if (title !== section) {
      if (section !== '') out('')
      out(colour.bold(title))
    }
    section = title
    const lines = cleanTexts(findings).flatMap((finding) => linesOfFinding(finding, colour))
    for (const line of [...lines, ...more]) out(line)
  }

  return {
    add: (title: string, findings: readonly Finding[]) => show(title, findings),

    addMessages(findings: readonly Finding[], snapshot: MessageSnapshot | undefined): void {
      const refused = cleanTexts(snapshot?.refused ?? [])
      show('Messages', findings, linesOfRefused(refused))
      if (snapshot === undefined) return
      const { valid, used } = countsOf(snapshot)
      messages = {
        files: snapshot.files,
        usable: valid - used,
        used,
        refused: refused.map(({ file, entry = null, validatorIndex = null, code, detail }) => ({
          file,
          entry,
          validator: validatorIndex,
          reason: code,
          detail,
        })),
      }
    },

    addRequests(findings: readonly Finding[], rows: readonly RequestRow[]): void {
      requests = cleanTexts(rows)
      show('Requests', findings, linesOfRequests(requests, colour))
    },

    addReplay(finding: Finding, rows: readonly RequestRow[]): void {
      replay = cleanTexts(rows)
      show('Replay', [finding], linesOfRequests(replay, colour))
    },

    /** @returns what the findings amount to */
    end(): ExitCode {
      const bad = checks.filter(({ status }) => status === 'failure').length
      if (json) {
        const body = { ok: bad === 0, version, checks: cleanTexts(checks), messages, requests }
        terminal.json({ ...body, replay })
      } else {
        const words = `The daemon would not do its job: see ${bad === 1 ? 'the' : `the ${bad}`} ✗ above.`
        out('')
        out(bad === 0 ? colour.green('The daemon would do its job.') : colour.red(words))
      }
      return bad === 0 ? 0 : 1
    },
  }
}
