import * as v from 'valibot'
import { isSuccess } from '../lib/exchange.ts'
import { type HttpAnswer, NoAnswerError } from '../lib/http.ts'
import { jsonOf } from '../lib/json.ts'
import { parsedBy } from '../lib/parsed-by.ts'
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

export const epoch = parsedBy((value) => toldUint64(value) as Epoch | undefined, 'must be an epoch')
export const uint64 = parsedBy(toldUint64, 'must be a uint64')
export const index = parsedBy(parseValidatorIndex, 'must be a validator index')
/** Spec: phase0 `Version`. */
export const version = v.pipe(
  v.string(),
  v.regex(/^0x[0-9a-fA-F]{8}$/),
  v.transform((text) => text.toLowerCase() as Hex),
)
/** Some servers write it as a string. */
export const flag = v.union([
  v.boolean(),
  v.pipe(
    v.string(),
    v.toLowerCase(),
    v.picklist(['true', 'false']),
    v.transform((text) => text === 'true'),
  ),
])
/** A list, which some servers write as `null` when it is empty. */
export const listOf = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(
    v.nullable(v.array(item)),
    v.transform((list) => list ?? []),
  )

/** Reads a path of one node. @throws as `read` */
export type Get = <T extends v.GenericSchema>(
  action: string,
  path: string,
  schema: T,
  signal: AbortSignal,
) => Promise<v.InferOutput<T>>

/** Answers that speak of the question, and not of the node's state. */
const OF_THE_QUESTION = [400, 404, 405, 413, 414, 501]

/** @throws NodeRefusedError on a 4xx that speaks of the question, NoAnswerError on all else */
export function read<T extends v.GenericSchema>(
  action: string,
  { status, text }: HttpAnswer,
  schema: T,
): v.InferOutput<T> {
  if (!isSuccess({ status })) {
    const error = new NodeRefusedError(action, status, quote(text))
    throw OF_THE_QUESTION.includes(status) ? error : new NoAnswerError(error.message, { status })
  }
  const json = jsonOf(text)
  if (json === undefined) {
    throw new NoAnswerError(`${action}: the answer is not JSON: ${quote(text)}`, { status })
  }
  const parsed = v.safeParse(schema, json)
  if (!parsed.success) {
    throw new NoAnswerError(`${action}: the answer has another shape: ${quote(text)}`, { status })
  }
  return parsed.output
}
