import pLimit from 'p-limit'
import { createCryptoPool } from '../lib/crypto-pool.ts'
import { createFiles } from '../lib/files.ts'
import { codeOf, messageOf } from '../lib/message-of.ts'
import type { ValidatorIndex } from '../lib/primitives.ts'
import { MAX_FILE_BYTES } from '../messages/message-store.ts'
import { type Bars, createBars } from './bars.ts'
import { cleanTexts } from './clean.ts'
import { ConfigurationError, parseConfiguration } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode } from './context.ts'
import { readPassword } from './encrypt/password.ts'
import { prepareFolder, syncFolder } from './encrypt/publish.ts'
import { createSealer } from './encrypt/sealer.ts'
import { closeQuietly, createParts, untilInterrupted } from './gather/parts.ts'
import { findNextExits, type NextSelection } from './next.ts'
import { readSigningChain, readValidators } from './sign/chain.ts'
import { createMaker, type Made } from './sign/make.ts'
import { createMessageFiles } from './sign/message-files.ts'
import { openSigner, type SignerOptions } from './sign/open-signer.ts'
import { SignError, SignerDownError } from './sign/signer.ts'
import { createTally, type Outcome } from './sign/tally.ts'

export type SignOptions = SignerOptions &
  NextSelection & {
    readonly output: string
    /** Instead of those that will be asked next. */
    readonly indices?: readonly ValidatorIndex[]
    readonly dryRun?: boolean
  }

/**
 * The command `sign`: makes exit messages where the keys are.
 *
 * @throws CommandError: 1 when nodes or signer cannot be used, 2 for usage and configuration
 */
export async function runSign(asked: SignOptions, context: CommandContext): Promise<ExitCode> {
  const { signal, terminal } = context
  const passwords = readPassword('sign', context)
  const parsed = parseConfiguration(withoutProtocol(asked, context))
  if (!parsed.ok) throw new ConfigurationError(parsed.problems)
  const pool = createCryptoPool()
  const files = createFiles(MAX_FILE_BYTES)
  const bars = createBars(terminal)
  const isDryRun = asked.dryRun === true
  try {
    const signer = await openSigner(asked, context, { files, pool, signal })
    const { indices, isWhole } = await chooseValidators(asked, parsed.warnings, context)
    const parts = createParts(parsed.config, context, bars.tell)
    const chain = await untilInterrupted(signal, (lifetime) => readSigningChain(parts, lifetime))
    const validators = await readValidators(parts, indices, signal)
    if (!isDryRun) await prepareOutput(asked.output)
    const make = createMaker({
      chain,
      validators,
      signer,
      messages: createMessageFiles(
        asked.output,
        files,
        passwords && createSealer(passwords, 'pbkdf2'),
      ),
      check: (checks) => pool.verify(checks, signal),
      isDryRun,
      folder: asked.output,
    })
    const tally = createTally(context, {
      output: asked.output,
      epoch: chain.epoch,
      isDryRun,
      isPlain: passwords === undefined,
    })
    await makeAll(indices, make, { atOnce: signer.atOnce, bars, signal, note: tally.note })
    if (!isDryRun) await syncFolder(asked.output)
    bars.end()
    const code = tally.sumUp(indices.length)
    return isWhole ? code : 1
  } finally {
    bars.end()
    await closeQuietly(() => Promise.all([pool.close(), files.close()]))
  }
}

const SELECTION = ['missing', 'module', 'operator', 'count', 'percent'] as const

/** @returns whether the list is known to lack nobody, too @throws CommandError */
async function chooseValidators(
  { indices, ...asked }: SignOptions,
  warnings: readonly string[],
  context: CommandContext,
) {
  const { terminal, env } = context
  const selected = SELECTION.filter((name) => asked[name] !== undefined)
  if (indices !== undefined) {
    const clash = selected.map((name) => `--${name}`).join(', ')
    if (clash !== '') {
      throw new CommandError(`sign: ${clash} and --indices say two things`, 'give one of them')
    }
    for (const warning of warnings) terminal.err(`! ${warning}`)
    return { indices, isWhole: true }
  }
  // What is in the output counts as signed where no messages are configured.
  const compared = { MESSAGES_LOCATION: asked.output, VALIDATOR_EXIT_WEBHOOK: '' }
  const found = await findNextExits(asked, {
    ...context,
    env: env.MESSAGES_LOCATION ? env : { ...env, ...compared },
  })
  for (const problem of cleanTexts(found.problems)) terminal.err(`! ${problem}`)
  return {
    indices: found.exits.flatMap(({ validatorIndex }) => validatorIndex ?? []),
    isWhole: found.problems.length === 0,
  }
}

/** On a machine that is not the daemon's only the consensus nodes need to be known, for indices. */
function withoutProtocol({ indices }: SignOptions, context: CommandContext): CommandContext {
  const { env } = context
  if (indices === undefined) {
    // The list is what needs the rest; whoever delivers nothing need not say how.
    const isDelivered = env.MESSAGES_LOCATION || env.VALIDATOR_EXIT_WEBHOOK
    return isDelivered ? context : { ...context, env: { ...env, MESSAGES_LOCATION: '.' } }
  }
  const isSet = (...names: readonly string[]) => names.some((name) => env[name]?.trim())
  const spared = {
    ...(isSet('EXECUTION_NODE', 'EXECUTION_NODE_FILE')
      ? {}
      : { EXECUTION_NODE: 'http://127.0.0.1' }),
    ...(isSet('NETWORK', 'LOCATOR_ADDRESS') ? {} : { LOCATOR_ADDRESS: `0x${'0'.repeat(40)}` }),
    ...(isSet('EJECTOR_SCOPE', 'STAKING_MODULE_ID') ? {} : { EJECTOR_SCOPE: '{"1":[0]}' }),
    ...(isSet('MESSAGES_LOCATION', 'VALIDATOR_EXIT_WEBHOOK') ? {} : { MESSAGES_LOCATION: '.' }),
    ...(isSet('ORACLE_ADDRESSES_ALLOWLIST') ? {} : { TRUST_MODE: 'true' }),
  }
  return { ...context, env: { ...env, ...spared } }
}

async function prepareOutput(output: string): Promise<void> {
  try {
    await prepareFolder(output)
  } catch (error) {
    const remedy = 'name a folder that can be made, or make it and let this user write to it'
    throw new CommandError(
      `sign: cannot create the output folder ${output}: ${codeOf(error)}`,
      remedy,
    )
  }
}

type Work = {
  readonly atOnce: number
  readonly bars: Bars
  readonly signal: AbortSignal
  readonly note: (index: ValidatorIndex, outcome: Outcome) => void
}

/** One that fails stops no other. @throws CommandError when the signer cannot be used at all */
async function makeAll(
  indices: readonly ValidatorIndex[],
  make: (index: ValidatorIndex, signal: AbortSignal) => Promise<Made>,
  { atOnce, bars, signal, note }: Work,
): Promise<void> {
  let done = 0
  /** Until then one at a time: a signer that is down is told once, and not for each key. */
  let hasSigned = false

  async function makeOne(index: ValidatorIndex): Promise<void> {
    if (signal.aborted) return
    let outcome: Outcome
    try {
      outcome = await make(index, signal)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof SignerDownError && !hasSigned) {
        throw new CommandError(`sign: ${error.message}`, error.remedy, 1)
      }
      outcome = failedBy(error)
    }
    hasSigned ||= outcome.kind === 'signed' || outcome.kind === 'planned'
    done += 1
    bars.tell('signing', done, indices.length)
    note(index, outcome)
  }

  const waiting = [...indices]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    await makeOne(next)
    if (hasSigned) break
  }
  const limit = pLimit(atOnce)
  await Promise.all(waiting.map((index) => limit(makeOne, index)))
}

function failedBy(error: unknown): Outcome {
  const remedy = error instanceof SignError ? error.remedy : 'run it again for this one'
  return { kind: 'failed', why: messageOf(error), remedy }
}
