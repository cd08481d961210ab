import type { Epoch, ValidatorIndex } from '../../lib/primitives.ts'
import { cleanTexts } from '../clean.ts'
import type { CommandContext, ExitCode } from '../context.ts'
import type { Made } from './make.ts'
import { fileNameOf } from './message-files.ts'

export type Outcome =
  | Made
  | { readonly kind: 'failed'; readonly why: string; readonly remedy: string }

type About = {
  readonly output: string
  readonly epoch: Epoch
  readonly isDryRun: boolean
  /** Messages are written unencrypted. */
  readonly isPlain: boolean
}

/** Says what failed as it comes, and the sum at the end. */
export function createTally(
  { terminal, signal, json }: Pick<CommandContext, 'terminal' | 'signal' | 'json'>,
  { output, epoch, isDryRun, isPlain }: About,
) {
  const made: Record<Made['kind'], ValidatorIndex[]> = {
    signed: [],
    planned: [],
    kept: [],
    exiting: [],
  }
  const failed: { validatorIndex: ValidatorIndex; why: string; remedy: string }[] = []
  const told = new Set<string>()

  return {
    note(validatorIndex: ValidatorIndex, outcome: Outcome): void {
      if (outcome.kind !== 'failed') {
        made[outcome.kind].push(validatorIndex)
        if (outcome.kind !== 'planned' || json) return
        terminal.out(
          `validator ${validatorIndex}, ${outcome.pubkey}: ${fileNameOf(validatorIndex)}`,
        )
        return
      }
      const { why, remedy } = cleanTexts(outcome)
      failed.push({ validatorIndex, why, remedy })
      terminal.err(`${terminal.errColour.red('✗')} validator ${validatorIndex}: ${why}`)
      if (!told.has(remedy)) terminal.err(`  → ${remedy}`)
      told.add(remedy)
    },

    sumUp(total: number): ExitCode {
      const { signed, planned, kept, exiting } = made
      if (json) {
        const validators = isDryRun ? { planned } : { signed }
        terminal.json({ output, dryRun: isDryRun, epoch, ...validators, kept, exiting, failed })
      } else {
        const what = isDryRun
          ? `${planned.length} of ${total} messages would be signed`
          : `${signed.length} of ${total} messages signed`
        const rest = [
          ...(kept.length > 0 ? [`${kept.length} there before`] : []),
          ...(exiting.length > 0 ? [`${exiting.length} exiting already`] : []),
          `${failed.length} failed`,
        ]
        terminal.out(`${what} into ${output}, ${rest.join(', ')}`)
      }
      if (isPlain && signed.length > 0) {
        terminal.err(
          '! the messages are not encrypted: whoever reads them can exit these validators',
        )
        terminal.err('  → set MESSAGES_PASSWORD before you sign, or let encrypt do it')
      }
      if (signal.aborted)
        terminal.err('interrupted: what is there is whole; run it again for the rest')
      return failed.length === 0 ? 0 : 1
    },
  }
}
