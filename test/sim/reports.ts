import { id, type Wallet } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'
import {
  consensusReachedLog,
  encodeExecute,
  encodeRecords,
  encodeSubmitExitRequestsData,
  encodeSubmitReport,
  encodeSubmitReportData,
  exitRequestLog,
  type ReportStruct,
  reportHash,
  reportReceivedLog,
  type SimExitRequest,
  sortRequests,
} from './abi.ts'
import { createMember, memberAddress, type Protocol, type SimMember } from './contracts.ts'
import type { Ledger, SimTransaction } from './ledger.ts'
import type { TxType } from './transactions.ts'

type Common = {
  readonly requests: readonly SimExitRequest[]
  readonly format?: 1 | 2
  readonly txType?: TxType
  /** Unix seconds of the block with the events, and in them. */
  readonly timestamp?: number
  /** Keeps the order given, where the contract would demand ascending records. */
  readonly unsorted?: boolean
  /** Forgery: these bytes instead of the records. */
  readonly data?: Hex
  /** Forgery: this number instead of the format. */
  readonly dataFormat?: number
  /** Forgery: events for these instead of the requests. */
  readonly events?: readonly SimExitRequest[]
}
export type ReportOptions = Common & {
  /** Who signs `submitReport`, in order; the first `quorum` members by default. */
  readonly signers?: readonly (SimMember | number)[]
  /** `delegate` makes the signers delegated members. By default, what each member is. */
  readonly via?: 'direct' | 'delegate'
  readonly refSlot?: bigint
  readonly consensusVersion?: bigint
  /** Who sends `submitReportData`; the first signer by default. */
  readonly dataSender?: SimMember
  /** Empty blocks between consensus and data. */
  readonly gap?: number
  /** False: the log is left out although the quorum was reached; true: emitted without it. */
  readonly emitConsensus?: boolean
  /** ConsensusReached comes out of a transaction that is no vote, of whoever manages the members. */
  readonly reachedBy?: keyof typeof MANAGE
  /** Forgery: the members sign this hash. */
  readonly signedHash?: Hex
  /** Forgery: the ConsensusReached log says this hash. */
  readonly loggedHash?: Hex
}
export type DirectOptions = Common & { readonly signer: Wallet }

export type SubmittedReport = {
  readonly refSlot: bigint
  readonly hash: Hex
  readonly struct: ReportStruct
  readonly requests: readonly SimExitRequest[]
  /** One `submitReport` transaction a signer, in order. */
  readonly votes: readonly SimTransaction[]
  /** The vote that completed the quorum; its transaction emitted ConsensusReached. */
  readonly consensusTransaction: SimTransaction | undefined
  /** The `submitReportData` transaction, which emitted the exit requests. */
  readonly dataTransaction: SimTransaction
}

/** What lowers the quorum, so that the votes that are there suffice. */
const MANAGE = {
  setQuorum: `0xc1ba4e59${'1'.padStart(64, '0')}`,
  removeMember: `${id('removeMember(address,uint256)').slice(0, 10)}${'1'.padStart(128, '0')}`,
} as const satisfies Record<string, string>

/** What oracles do: agree on a report, then publish its data. Each step is mined in its block. */
export function createReports(chain: Ledger & Protocol) {
  let nextRefSlot = 10_000n

  function submitReport(options: ReportOptions): SubmittedReport {
    const { format = 1, txType = 2 } = options
    const requests = ordered(options)
    const refSlot = options.refSlot ?? nextRefSlot
    nextRefSlot = (refSlot > nextRefSlot ? refSlot : nextRefSlot) + 32n
    const struct: ReportStruct = {
      consensusVersion: options.consensusVersion ?? 2n,
      refSlot,
      requestsCount: BigInt(requests.length),
      dataFormat: BigInt(options.dataFormat ?? format),
      data: options.data ?? encodeRecords(requests, format),
    }
    const hash = reportHash(struct)
    const signers = resolveSigners(options)
    const votes = signers.map((member, i) => vote(options, member, i + 1, struct, hash))
    if (options.reachedBy !== undefined) {
      const log = consensusReachedLog(chain.consensus, refSlot, hash, votes.length)
      const call = MANAGE[options.reachedBy] as Hex
      send(createMember('manager'), chain.consensus, call, { type: 2, logs: [log] })
    }
    const reached = votes[chain.quorum - 1]
    const consensusTransaction = options.emitConsensus === true ? votes.at(-1) : reached
    if (options.gap !== undefined) chain.mine(options.gap)

    const sender = options.dataSender ?? signers[0] ?? chain.members[0]
    if (sender === undefined) throw new Error('no member to send the data')
    const dataTransaction = send(sender, chain.exitBus, encodeSubmitReportData(struct), {
      type: txType,
      logs: events(options, requests),
      ...(options.timestamp !== undefined && { timestamp: options.timestamp }),
    })
    return { refSlot, hash, struct, requests, votes, consensusTransaction, dataTransaction }
  }

  function resolveSigners({ signers, via }: ReportOptions): SimMember[] {
    const members = (signers ?? chain.members.slice(0, chain.quorum)).map((one) => {
      const member = typeof one === 'number' ? chain.members[one] : one
      if (member === undefined) throw new Error(`no member ${one}`)
      return member
    })
    if (via !== undefined) for (const member of members) member.delegated = via === 'delegate'
    return members
  }

  /** HashConsensus emits ConsensusReached once, in the transaction that completes the quorum. */
  function vote(
    options: ReportOptions,
    member: SimMember,
    support: number,
    struct: ReportStruct,
    hash: Hex,
  ): SimTransaction {
    const { refSlot, consensusVersion } = struct
    const signed = options.signedHash ?? hash
    const logged = options.loggedHash ?? signed
    const last = support === (options.signers?.length ?? chain.quorum)
    const reached = options.emitConsensus === true ? last : support === chain.quorum
    return send(member, chain.consensus, encodeSubmitReport(refSlot, signed, consensusVersion), {
      type: options.txType ?? 2,
      logs: [
        reportReceivedLog(chain.consensus, refSlot, memberAddress(member), signed),
        ...(reached && options.emitConsensus !== false && options.reachedBy === undefined
          ? [consensusReachedLog(chain.consensus, refSlot, logged, support)]
          : []),
      ],
    })
  }

  /** As the member does it: straight, or through its contract. */
  function send(
    member: SimMember,
    target: Hex,
    data: Hex,
    more: { type: TxType; logs: readonly ReturnType<typeof exitRequestLog>[]; timestamp?: number },
  ): SimTransaction {
    const { wallet: signer, delegated, contract } = member
    return delegated
      ? chain.addTransaction({ signer, to: contract, data: encodeExecute(target, data), ...more })
      : chain.addTransaction({ signer, to: target, data, ...more })
  }

  /** `submitExitRequestsData`: no oracle, one sender whose transaction hash is trusted. */
  function submitDirect(options: DirectOptions): SimTransaction {
    const { format = 1 } = options
    const requests = ordered(options)
    const data = options.data ?? encodeRecords(requests, format)
    return chain.addTransaction({
      signer: options.signer,
      to: chain.exitBus,
      data: encodeSubmitExitRequestsData(data, options.dataFormat ?? format),
      type: options.txType ?? 2,
      logs: events(options, requests),
      ...(options.timestamp !== undefined && { timestamp: options.timestamp }),
    })
  }

  const ordered = ({ requests, format, unsorted }: Common) =>
    unsorted === true ? [...requests] : sortRequests(requests, format)

  function events(options: Common, requests: readonly SimExitRequest[]) {
    const timestamp = options.timestamp ?? chain.timestampOf(chain.head + 1)
    return (options.events ?? requests).map((one) => exitRequestLog(chain.exitBus, one, timestamp))
  }

  return { submitReport, submitDirect, send }
}
