import { z } from 'zod'
import { isSuccess } from '../lib/exchange.ts'
import { type HttpAnswer, NoAnswerError } from '../lib/http.ts'
import { type Epoch, type Hex, parseValidatorIndex, toldUint64 } from '../lib/primitives.ts'
import { quote } from '../lib/secret.ts'

/** The node answered, and said no. */
export class NodeRefusedError extends Error {
  override readonly name = 'NodeRefusedError'
  readonly status: number

  /** @param answer - the node's words, already cut and redacted: it may echo what was sent */
  constructor(action: string, status: number, answer: string) {
    super(`${action}: node answered ${status}: ${answer}`)
    this.status = status
  }
}

/** Turns a parser that gives `undefined` into a step of a schema. */
export const as =
  <T>(parse: (value: unknown) => T | undefined) =>
  (value: unknown, context: z.RefinementCtx): T => {
    const parsed = parse(value)
    if (parsed !== undefined) return parsed
    context.addIssue('not a value of this type')
    return z.NEVER
  }

export const epoch = z.unknown().transform(as((value) => toldUint64(value) as Epoch | undefined))
export const uint64 = z.unknown().transform(as(toldUint64))
export const index = z.unknown().transform(as(parseValidatorIndex))
/** Spec: phase0 `Version`. */
export const version = z
  .string()
  .regex(/^0x[0-9a-fA-F]{8}$/)
  .transform((text) => text.toLowerCase() as Hex)
/** Some servers write it as a string. */
export const flag = z.union([
  z.boolean(),
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(['true', 'false']))
    .transform((text) => text === 'true'),
])
/** A list, which some servers write as `null` when it is empty. */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullable()
    .transform((list) => list ?? [])

/** Reads a path of one node. @throws as `read` */
export type Get = <T extends z.ZodType>(
  action: string,
  path: string,
  schema: T,
  signal: AbortSignal,
) => Promise<z.output<T>>

/** Answers that speak of the question, and not of the node's state. */
const OF_THE_QUESTION = [400, 404, 405, 413, 414, 501]

/** @throws NodeRefusedError on a 4xx that speaks of the question, NoAnswerError on all else */
export function read<T extends z.ZodType>(
  action: string,
  { status, text }: HttpAnswer,
  schema: T,
): z.output<T> {
  if (!isSuccess({ status })) {
    const error = new NodeRefusedError(action, status, quote(text))
    throw OF_THE_QUESTION.includes(status) ? error : new NoAnswerError(error.message, { status })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new NoAnswerError(`${action}: the answer is not JSON: ${quote(text)}`, { status })
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    throw new NoAnswerError(`${action}: the answer has another shape: ${quote(text)}`, { status })
  }
  return parsed.data
}
