import type { SimExitRequest } from '../sim/abi.ts'
import { createMember } from '../sim/contracts.ts'
import { VICTIMS } from './lies.ts'
import { type Network, VALIDATORS } from './network.ts'
import type { Random } from './random.ts'
import type { Proof } from './stage.ts'
import type { Tally } from './tally.ts'

export const OURS = { moduleId: 1, operatorId: 5 }
/** Another operator's validators, which we happen to hold messages for. */
const OTHERS = { from: VICTIMS, until: VICTIMS + 10, operatorId: 6 }

/** Genuine requests for one validator of ours. */
export type Ask = {
  /** Blocks that hold one; a reorganisation may take some out. */
  blocks: number[]
  /** When the first of them was final, where one is: step, and unix ms. */
  final: { readonly step: number; readonly at: number } | undefined
}

/** What the protocol asks for, what others ask for, and what thieves ask for. */
export function createAsks(network: Network, random: Random, tally: Tally, proof: Proof) {
  const { chain, beacon } = network
  const asks = new Map<number, Ask>()
  const thieves = [createMember('thief 1'), createMember('thief 2')]
  /** An oracle member with a key that is not listed yet. */
  const unlisted = createMember('rotated')
  let next = OTHERS.until

  const requestOf = (validatorIndex: number, operatorId = OURS.operatorId): SimExitRequest => ({
    moduleId: OURS.moduleId,
    operatorId,
    validatorIndex,
    pubkey: beacon.pubkey(validatorIndex),
    keyIndex: validatorIndex,
  })

  /** Fresh validators mostly, and now and then one that was asked for before. */
  function chooseOurs(): number[] {
    const chosen = new Set<number>()
    for (let count = 1 + random.int(3); count > 0; count -= 1) {
      if (asks.size > 0 && random.chance(0.25)) chosen.add(random.pick([...asks.keys()]))
      else if (next < VALIDATORS) {
        chosen.add(next)
        next += 1
      }
    }
    return [...chosen]
  }

  /** Who votes, and what ConsensusReached comes out of. */
  function chooseWay() {
    if (random.chance(0.15)) {
      const signers = [0, 1, unlisted]
      return { signers, emitConsensus: true, told: 'an unlisted key votes last' }
    }
    const signers = random.pick([
      [0, 1],
      [1, 2],
      [0, 1, 2],
    ])
    if (!random.chance(0.15)) return { signers, told: undefined }
    return { signers, reachedBy: 'setQuorum' as const, told: 'consensus out of no vote' }
  }

  function report(): void {
    const ours = chooseOurs()
    if (ours.length === 0) return
    const others = random.chance(0.3) ? [OTHERS.from + random.int(OTHERS.until - OTHERS.from)] : []
    const { told, ...way } = chooseWay()
    const { blockNumber } = chain.submitReport({
      requests: [
        ...ours.map((index) => requestOf(index)),
        ...others.map((index) => requestOf(index, OTHERS.operatorId)),
      ],
      format: random.pick([1, 2] as const),
      txType: random.pick([0, 1, 2, 3, 4] as const),
      ...way,
      gap: random.int(4),
    }).dataTransaction
    if (told !== undefined) tally.count(`protocol: ${told}`)
    for (const index of ours) {
      const ask = asks.get(index) ?? { blocks: [], final: undefined }
      ask.blocks.push(blockNumber)
      asks.set(index, ask)
      tally.count('genuine requests')
    }
  }

  /**
   * Signed by nobody that is trusted; every node shows it, since it is on the chain. Where finality
   * is enough that is genuine, as the real exit bus would emit no such event.
   */
  function steal(): void {
    if (proof === 'finality' || proof === 'either') return
    chain.submitReport({ requests: [requestOf(random.int(VICTIMS))], signers: thieves })
    tally.count('forged requests on chain')
  }

  function reorganise(): void {
    const from = chain.finalized + 1 + random.int(Math.max(1, chain.head - chain.finalized))
    if (from > chain.head) return
    const keep = random.chance(0.5)
    chain.reorg(from, { keep })
    tally.count(keep ? 'execution reorgs' : 'execution reorgs that lose requests')
    if (keep) return
    for (const ask of asks.values()) ask.blocks = ask.blocks.filter((block) => block < from)
  }

  return {
    asks,
    /** Unix seconds of the blocks with genuine requests for a validator, as far as they are final. */
    timesOf: (index: number): readonly number[] =>
      (asks.get(index)?.blocks ?? [])
        .filter((block) => block <= chain.finalized)
        .map((block) => chain.timestampOf(block)),
    /**
     * @param now - unix ms
     * @param isTelling - what is asked for now would tell most
     */
    step(step: number, now: number, isTelling: boolean): void {
      if (random.chance(isTelling ? 0.2 : 0.05)) report()
      if (random.chance(0.02)) steal()
      if (random.chance(0.03)) reorganise()
      this.finalize(step, now)
    },
    finalize(step: number, now: number): void {
      for (const ask of asks.values()) {
        if (ask.final === undefined && ask.blocks.some((block) => block <= chain.finalized)) {
          ask.final = { step, at: now }
        }
      }
    },
    /** Validators that somebody trusted asked for, for good. */
    asked: () => [...asks].filter(([, { final }]) => final !== undefined).map(([index]) => index),
    /** Whether no request is on its way that would count later. */
    isAllFinal: () =>
      [...asks.values()].every(({ final, blocks }) => final !== undefined || blocks.length === 0),
    isAsked: (index: number) => asks.get(index)?.final !== undefined,
  }
}
export type Asks = ReturnType<typeof createAsks>
