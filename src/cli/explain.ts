import { StartUpError } from '../app/start-up.ts'
import type { Config } from '../config.ts'
import { messageOf } from '../lib/message-of.ts'
import { createBars } from './bars.ts'
import { cleanTexts } from './clean.ts'
import { requireConfiguration } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'
import { gather } from './explain/gather.ts'
import { NobodyAnswersError } from './explain/open.ts'
import { storyOf } from './explain/story.ts'
import { parseSubject, type Subject } from './explain/subject.ts'
import { linesOf } from './explain/text.ts'
import { createWorld } from './world.ts'

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
  const config = requireConfiguration(context)
  const story = cleanTexts(await learn(subject, config, context))
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

async function learn(subject: Subject, config: Config, context: CommandContext) {
  const { terminal, signal } = context
  const bars = createBars(terminal)
  try {
    const world = createWorld(config, context, bars.tell)
    return storyOf(await gather(subject, world, signal))
  } catch (error) {
    throw signal.aborted
      ? new CommandError('explain: interrupted', undefined, 1)
      : toCommandError(error)
  } finally {
    bars.end()
  }
}

function toCommandError(error: unknown): unknown {
  if (error instanceof NobodyAnswersError) {
    return new CommandError(
      `explain: no node answers, and no journal tells of this validator: ${messageOf(error)}`,
      'check EXECUTION_NODE and CONSENSUS_NODE, and STATE_FILE if the daemon has one',
      1,
    )
  }
  if (!(error instanceof StartUpError)) return error
  return new CommandError(`explain: ${error.message}`)
}
