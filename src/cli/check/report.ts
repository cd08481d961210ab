import type { MessageSnapshot } from '../../messages/snapshot.ts'
import { cleanTexts } from '../clean.ts'
import type { CommandContext, ExitCode } from '../context.ts'
import { type Finding, linesOfFinding } from './finding.ts'
import { countsOf, linesOfRejected } from './messages.ts'
import { linesOfRequests, type RequestRow } from './requests.ts'

export type Report = ReturnType<typeof createReport>

/** Shows what was found as it comes, or all of it as JSON at the end. */
export function createReport({ terminal, json, version }: CommandContext) {
  const { out, colour } = terminal
  const checks: Finding[] = []
  let section = ''
  const body: Record<string, unknown> = { messages: null, requests: [], replay: null }

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
      const rejected = cleanTexts(snapshot?.refused ?? [])
      show('Messages', findings, linesOfRejected(rejected))
      if (snapshot === undefined) return
      const { usable, used } = countsOf(snapshot)
      const refused = rejected.map(({ file, entry = null, validatorIndex, code, detail }) => {
        return { file, entry, validator: validatorIndex ?? null, reason: code, detail }
      })
      body.messages = { files: snapshot.files, usable, used, refused }
    },

    addRequests(findings: readonly Finding[], found: readonly RequestRow[]): void {
      const rows = cleanTexts(found)
      body.requests = rows
      show('Requests', findings, linesOfRequests(rows, colour))
    },

    addReplay(findings: readonly Finding[], found: readonly RequestRow[]): void {
      const rows = cleanTexts(found)
      body.replay = rows
      show('Replay', findings, linesOfRequests(rows, colour))
    },

    /** @returns what the findings amount to */
    end(): ExitCode {
      const bad = checks.filter(({ status }) => status === 'failure').length
      const words = `Not ready: see ${bad === 1 ? 'the' : `the ${bad}`} ✗ above.`
      if (json) terminal.json({ ok: bad === 0, version, checks: cleanTexts(checks), ...body })
      else {
        out('')
        out(
          bad === 0
            ? colour.green('Ready: the daemon would serve every request.')
            : colour.red(words),
        )
      }
      return bad === 0 ? 0 : 1
    },
  }
}
