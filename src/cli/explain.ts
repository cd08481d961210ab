import { isHeld } from '../exits/hold-file.ts'
import { createBars } from './bars.ts'
import { cleanTexts } from './clean.ts'
import { requireConfiguration } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'
import { storyOf } from './explain/story.ts'
import { parseSubject, type Subject } from './explain/subject.ts'
import { linesOf } from './explain/text.ts'
import { createParts } from './gather/parts.ts'
import { gatherValidator } from './gather/validator.ts'

/**
 * The command `explain`: everything that is known of one validator.
 *
 * @param args - as typed after the name of the command: a validator index or public key
 * @returns 0 when the story of a request is told, 1 when no request of this validator is known
 * @throws CommandError: 1 when nobody can tell, 2 for usage and configuration
 */
export async function runExplain(
  args: readonly string[],
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, json } = context
  const subject = readArguments(args)
  const story = cleanTexts(await learn(subject, context))
  if (json) terminal.json(story)
  else for (const line of linesOf(story, terminal.colour)) terminal.out(line)
  return story.requests.length > 0 ? 0 : 1
}

function readArguments([who, ...more]: readonly string[]): Subject {
  const subject = who === undefined || more.length > 0 ? undefined : parseSubject(who)
  if (subject !== undefined) return subject
  throw new CommandError(
    'explain: that names no validator',
    'give one index, or one public key (0x and 96 hex digits): explain 123456',
  )
}

async function learn(subject: Subject, context: CommandContext) {
  const config = requireConfiguration(context)
  const bars = createBars(context.terminal)
  const { signal } = context
  try {
    const parts = createParts(config, context, bars.tell)
    const found = await gatherValidator(subject, parts, signal)
    const info = await parts.readChainInfo(signal).catch(() => undefined)
    const held = config.holdFile !== undefined && (await isHeld(config.holdFile))
    return storyOf(found, { config, isHeld: held, info, now: context.now() })
  } catch (error) {
    throw signal.aborted ? new CommandError('explain: interrupted', undefined, 1) : error
  } finally {
    bars.end()
  }
}
