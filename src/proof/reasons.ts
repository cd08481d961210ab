import { reasonList } from '../lib/reasons.ts'

/**
 * Why a request is not proven. Whatever the reason, it is judged again; a genuine request stays
 * unproven only as long as no node gives the evidence, or the settings do not trust its signers.
 */
export const proofReasons = reasonList([
  {
    code: 'answer-missing',
    short: 'a node did not answer',
    long: 'A transaction or a log that the proof needs could not be read: no node knew it, or none answered. It is read again at every cycle; if this stays, check the execution nodes.',
  },
  {
    code: 'body-mismatch',
    short: 'no transaction body fits its hash',
    long: 'Every body that the nodes gave for a transaction hashes to something else. That node is broken or lies: use another one.',
  },
  {
    code: 'unsupported',
    short: 'unknown data format or transaction type',
    long: 'The report or the transaction is of a kind that this version does not know. If several nodes agree on it, the protocol has moved on: look for a newer version.',
  },
  {
    code: 'wrong-chain',
    short: 'made for another chain',
    long: 'The transaction is genuine, but signed for another chain. The node mixes chains or lies: use another one.',
  },
  {
    code: 'no-chain-id',
    short: 'transaction without a chain id',
    long: 'The transaction was signed without a chain id, so that it could stem from any chain. Oracle members do not sign such transactions.',
  },
  {
    code: 'bad-signature',
    short: 'not a canonical signature',
    long: 'The signature of the transaction is not one that the chain would have accepted. The node made it up: use another one.',
  },
  {
    code: 'unknown-contract',
    short: 'event of another contract',
    long: 'The event does not come from the exit bus that the Locator names. If the exit bus was replaced, the next cycle knows the new one.',
  },
  {
    code: 'unknown-call',
    short: 'transaction calls something else',
    long: 'The transaction calls neither a report nor an exit request function. Exit requests do not come about this way as far as this version knows.',
  },
  {
    code: 'wrong-target',
    short: 'transaction goes to another contract',
    long: 'The transaction, or the call inside its execute, does not go to the contract of the protocol that it would have to go to.',
  },
  {
    code: 'nested-execute',
    short: 'execute inside execute',
    long: 'A delegated oracle member calls the protocol through one execute. This transaction hides another one inside.',
  },
  {
    code: 'bad-calldata',
    short: 'calldata does not decode',
    long: 'The calldata is not what the called function takes; the contract would have rejected it.',
  },
  {
    code: 'data-length',
    short: 'report data truncated or over-long',
    long: 'The length of the report data is not a multiple of its record size; the contract would have rejected it.',
  },
  {
    code: 'requests-count',
    short: 'report miscounts its requests',
    long: 'The report says another number of requests than its data holds; the contract would have rejected it.',
  },
  {
    code: 'record-missing',
    short: 'report does not name the validator',
    long: 'No record of the report has the public key of the event. The node made the event up: use another one.',
  },
  {
    code: 'record-differs',
    short: 'report names the validator differently',
    long: 'The report has the public key of the event under another module, operator or validator index. The node changed the event: use another one.',
  },
  {
    code: 'no-consensus-log',
    short: 'no ConsensusReached log of this report',
    long: 'No node has a ConsensusReached log with the hash of this report. Its log index may lag behind; otherwise oracle members never agreed on the report.',
  },
  {
    code: 'other-report',
    short: 'oracle member signed another report',
    long: 'The transaction that the log leads to is the vote of an oracle member, but for another report. The node invented the log: use another one.',
  },
  {
    code: 'unlisted-signer',
    short: 'signer is not in the allowlist',
    long: 'The vote for this report is signed by an address that ORACLE_ADDRESSES_ALLOWLIST does not hold. If the set of oracle members changed, check the new addresses with the protocol and add them.',
  },
  {
    code: 'quorum-missing',
    short: 'too few allowlisted signers',
    long: 'Fewer signers of ORACLE_ADDRESSES_ALLOWLIST than ORACLE_QUORUM wants are known to have voted for this report. Check that the allowlist is complete, and the quorum not above the number of members that vote.',
  },
  {
    code: 'no-slot',
    short: 'time of the event is no slot of the beacon chain',
    long: 'Every block is made at the time of a slot; the time of this event is none. The node made the event up: use another one.',
  },
  {
    code: 'block-contradicted',
    short: 'consensus nodes name another block',
    long: 'The consensus nodes say that another block than that of the event is final at its slot. An execution node made the event up, or is on another chain: use another one.',
  },
  {
    code: 'nodes-contradict',
    short: 'consensus nodes contradict one another',
    long: 'Two consensus nodes name different blocks as final at the slot of the event. One of them lies or is on another chain: find out which, and take it out of CONSENSUS_NODE.',
  },
  {
    code: 'not-in-block',
    short: 'no finalized block holds the event',
    long: 'The finalized block that the event names has no such log at its place. The node made the event up: use another one.',
  },
  {
    code: 'unlisted-transaction',
    short: 'direct request is not in the allowlist',
    long: 'The exit was requested by a direct transaction whose hash SUBMIT_TX_HASH_ALLOWLIST does not hold. If the protocol announced this transaction, add its hash.',
  },
])

export type ProofReasonCode = keyof typeof proofReasons

type Lacking = { readonly proof: string; readonly code: ProofReasonCode; readonly actual: string }

/** `by oracle: signer is not in the allowlist (0x…); by finality: …`. */
export const describeLacks = (lacks: readonly Lacking[]): string =>
  lacks
    .map(({ proof, code, actual }) => `by ${proof}: ${proofReasons[code].short} (${actual})`)
    .join('; ')

/** What consensus nodes say of an event that is not proven. */
export const describeFinding = (
  { kind, hosts }: { readonly kind: 'finalized' | 'invented'; readonly hosts: readonly string[] },
  block: number,
): string =>
  kind === 'finalized'
    ? `finalized in block ${block} by your consensus node ${hosts.join(', ')}`
    : `no finalized block holds this event: ${hosts.join(', ') || 'an execution node'} invents it`
