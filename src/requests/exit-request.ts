import type {
  Address,
  Brand,
  Bytes32,
  ModuleId,
  OperatorId,
  Pubkey,
  ValidatorIndex,
} from '../lib/primitives.ts'

/**
 * Identity of a request: chain id, bus, block hash, transaction hash, log index and a hash of
 * topics and data. Two nodes that report the same log report the same request; a node that
 * changes anything about it reports another one.
 */
export type RequestKey = Brand<string, 'RequestKey'>

/** A finalized `ValidatorExitRequest` event as some execution node reported it. Not yet proven. */
export type ExitRequest = {
  readonly key: RequestKey
  readonly chainId: bigint
  /** The contract that emitted the event. */
  readonly exitBus: Address
  readonly blockNumber: number
  readonly blockHash: Bytes32
  readonly transactionHash: Bytes32
  readonly logIndex: number
  readonly moduleId: ModuleId
  readonly operatorId: OperatorId
  readonly validatorIndex: ValidatorIndex
  readonly pubkey: Pubkey
  /** Unix time in seconds at which the protocol asked. */
  readonly timestamp: number
  /**
   * What the log itself says, where `timestamp` and `blockNumber` were corrected: the proof by
   * finality is about the log.
   */
  readonly logged?: Pick<ExitRequest, 'timestamp' | 'blockNumber'>
}

/** The same of what a finalized block was seen to hold: it binds the place, and no transaction. */
export const placedExitOf = ({
  blockHash,
  logIndex,
  validatorIndex,
  pubkey,
}: ExitRequest): string => [blockHash, logIndex, validatorIndex, pubkey].join()

/** Which exit a log asks for: what the proof binds. Time, block and place of the log are not. */
export const exitOf = (request: ExitRequest): string =>
  [
    request.transactionHash,
    request.exitBus,
    request.moduleId,
    request.operatorId,
    request.validatorIndex,
    request.pubkey,
  ].join()
