import type { ModuleId, OperatorId } from '../lib/primitives.ts'
import { SUGGESTED_PERCENT } from '../requests/next-exits.ts'
import { createBars } from './bars.ts'
import { cleanTexts } from './clean.ts'
import { requireConfiguration, withoutDelivery } from './configuration.ts'
import { type CommandContext, CommandError, type ExitCode, type Terminal } from './context.ts'
import { gatherNextExits, type NextExit, type NextExitsFound } from './gather/next-exits.ts'
import { createParts, untilInterrupted } from './gather/parts.ts'
import type { NextFormat } from './program.ts'

/** Whose validators, and how many of them. */
export type NextSelection = {
  /** Both or neither; neither: the operators of the scope. */
  readonly module?: ModuleId
  readonly operator?: OperatorId
  /** Of each operator; one of them at most. */
  readonly count?: number
  readonly percent?: number
  readonly missing?: boolean
}

export type NextOptions = NextSelection & { readonly format?: NextFormat }

/**
 * The command `next`: which validators will be asked for next, with what is signed.
 *
 * @returns 0 when everything was read, 1 when the list may be wrong or lacks somebody
 * @throws CommandError
 */
export async function runNext(options: NextOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, json } = context
  const found = await findNextExits(options, context)
  for (const problem of cleanTexts(found.problems)) terminal.err(`! ${problem}`)
  show(found, json ? 'json' : (options.format ?? 'table'), terminal)
  return found.problems.length === 0 ? 0 : 1
}

/** What `next` lists, for whoever wants to go on with it. @throws CommandError */
export async function findNextExits(
  { module, operator, count, percent, missing }: NextSelection,
  context: CommandContext,
): Promise<NextExitsFound> {
  if ((module === undefined) !== (operator === undefined)) {
    throw new CommandError(
      'next: an operator has its id within a module',
      'give both --module and --operator, or neither for those of EJECTOR_SCOPE',
    )
  }
  if (count !== undefined && percent !== undefined) {
    throw new CommandError('next: --count and --percent say two things', 'give one of them')
  }
  const config = requireConfiguration(withoutDelivery(context))
  if (missing === true && config.delivery.mode === 'webhook') {
    throw new CommandError(
      'next --missing: there are no messages to compare with',
      'set MESSAGES_LOCATION',
    )
  }
  const scope =
    module === undefined || operator === undefined ? config.scope : new Map([[module, [operator]]])
  const portion = count === undefined ? { percent: percent ?? SUGGESTED_PERCENT } : { count }
  const bars = createBars(context.terminal)
  const parts = createParts({ ...config, scope }, context, bars.tell)
  const choice = { portion, missing: missing === true }
  try {
    return await untilInterrupted(context.signal, (signal) =>
      gatherNextExits(parts, choice, signal),
    )
  } finally {
    bars.end()
  }
}

function show({ exits, epoch }: NextExitsFound, format: NextFormat, terminal: Terminal): void {
  const indexed = exits.flatMap(({ validatorIndex }) => validatorIndex ?? [])
  if (format === 'json') terminal.json(cleanTexts(exits.map(asJson)))
  else if (format === 'unsigned') {
    terminal.json(
      indexed.map((index) => ({ validator_index: String(index), epoch: String(epoch) })),
    )
  } else if (format === 'indices') for (const index of indexed) terminal.out(String(index))
  else if (format === 'pubkeys') for (const { pubkey } of exits) terminal.out(pubkey)
  else if (terminal.isTty) for (const line of tableOf(exits)) terminal.out(line)
  else for (const exit of exits) terminal.out(cellsOf(exit).join('\t'))
}

const asJson = ({ moduleId, operatorId, validatorIndex, pubkey, ...exit }: NextExit) => ({
  module: moduleId,
  operator: operatorId,
  validatorIndex: validatorIndex ?? null,
  key: pubkey,
  status: exit.status,
  signed: exit.isSigned ?? null,
  file: exit.file ?? null,
})

const HEADER = ['validator', 'public key', 'status', 'module', 'operator', 'message']

function cellsOf(exit: NextExit): readonly string[] {
  const { validatorIndex, pubkey, status, moduleId, operatorId, isSigned, file } = cleanTexts(exit)
  const message = isSigned === undefined ? '-' : (file ?? 'missing')
  const index = validatorIndex === undefined ? '-' : String(validatorIndex)
  return [index, pubkey, status, String(moduleId), String(operatorId), message]
}

function tableOf(exits: readonly NextExit[]): readonly string[] {
  if (exits.length === 0) return ['none']
  const shorten = (cell: string, at: number) =>
    at === 1 ? `${cell.slice(0, 10)}…${cell.slice(-5)}` : cell
  const rows = [HEADER, ...exits.map((exit) => cellsOf(exit).map(shorten))]
  const widths = HEADER.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
