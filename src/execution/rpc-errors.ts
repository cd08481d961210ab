/** The node understood the call and refused it. `code` is the JSON-RPC error code. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number

  /** @param text - the node's words, cut */
  constructor(method: string, code: number, text: string) {
    super(`${method}: node answered ${code}: ${text}`)
    this.code = code
  }
}

/**
 * Rate limits and server faults that come as JSON-RPC errors: the node is busy, not unwilling.
 * −32005 is told for too many requests and for too many results; only the text tells which.
 */
export const isOverload = (httpStatus: number, code: number, text: string): boolean =>
  httpStatus === 429 ||
  httpStatus >= 500 ||
  code === -32_016 ||
  code === -32_700 ||
  /rate[- ]?limit|request rate|too many requests|daily request|throughput|compute units|quota|credits/i.test(
    text,
  )

/**
 * Whether the contract refused, and not the node. Clients differ: code 3 (geth, reth, Erigon),
 * −32015 (Nethermind), −32000 with one of many texts (Besu, older ones, invalid opcodes).
 */
export const isRevert = ({ code, message }: RpcError): boolean =>
  code === 3 ||
  code === -32_015 ||
  /revert|invalid opcode|bad instruction|invalid jump|out of gas|stack (under|over)flow/i.test(
    message,
  )

/** The node has no state of that block any more: geth, Erigon, reth, Nethermind, Besu. */
export const isStatePruned = (error: unknown): boolean =>
  error instanceof RpcError &&
  !isRevert(error) &&
  (error.code === 4_444 ||
    /missing trie node|prun|histor|archive|(no|world) state|state .{0,80}(not|un)[- ]?(available|found)|distance to target block|old data/i.test(
      error.message,
    ))

/** A node of a balancer that is behind the one that told the finalized block. */
export const isBeyondHead = (error: unknown): boolean =>
  error instanceof RpcError &&
  /(beyond|past|above|ahead of) (the |my |our )?(current |latest |chain )*(head|block|tip)|(in|from) the future|future block|(greater|higher|newer|larger|later) than (the )?(latest|head|current|highest)|(after|exceeds?) (the )?(last block|latest|head|current (head|block)|chain head)|not yet (available|known|mined|imported|processed)/i.test(
    error.message,
  )

/** What a node behind may also say, and one that has pruned the block, too. */
export const isUnknownBlock = (error: unknown): boolean =>
  error instanceof RpcError &&
  /header not found|unknown block|block.{0,60}(not|cannot be) found/i.test(error.message)
