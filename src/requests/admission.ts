import type { FollowingParts, Proofs, Reading } from './cycle-parts.ts'
import type { ExitRequest } from './exit-request.ts'
import { createReporters, inAnyOrder } from './fair-share.ts'

/** Requests without proof that are remembered; a year of genuine ones is fewer. */
const MAX_UNPROVEN = 10_000

/**
 * Which requests are remembered, and which are judged first. A node may invent them without end:
 * its requests must not displace those of another node, nor what is proven.
 *
 * @param most - requests without proof that are remembered
 */
export function createAdmission(
  { journal, log }: Pick<FollowingParts, 'journal' | 'log'>,
  most = MAX_UNPROVEN,
) {
  const reporters = createReporters()

  return {
    toldBy: reporters.toldBy,

    /** New requests, in the order of the chain. Of too many at once each node has its share. */
    admit({ requests, reportedBy }: Reading, proofs: Proofs | undefined): readonly ExitRequest[] {
      // Where nothing is judged, as in trust mode, what is new counts as proven too.
      const isKnown = ({ key }: ExitRequest) => journal.facts.requests.has(key)
      const open = requests.filter(
        (request) =>
          !(isKnown(request) && isProven(request, proofs)) && proofs?.isDuplicate(request) !== true,
      )
      reporters.note(reportedBy, open)
      const fresh = open.filter((request) => !isKnown(request))
      if (fresh.length <= most) return fresh
      const details = { leftOut: fresh.length - most, taken: most }
      log.error(
        'too many new exit requests at once, some are not taken in: a node invents them',
        details,
      )
      const taken = new Set(reporters.inTurn(fresh).slice(0, most))
      return fresh.filter((request) => taken.has(request))
    },

    /** What is not proven comes from each node in turn, since not all may be judged in one cycle. */
    inOrder(requests: readonly ExitRequest[], proofs: Proofs | undefined): readonly ExitRequest[] {
      const proven = requests.filter((request) => isProven(request, proofs))
      const open = requests.filter((request) => !isProven(request, proofs))
      return [...proven, ...reporters.inTurn(inAnyOrder(open))]
    },

    /**
     * The oldest unproven ones are forgotten, of each node its own, and that is logged. What was
     * genuine comes back when the whole window is read again. Duplicates go at once.
     *
     * @returns the others
     */
    forget(requests: readonly ExitRequest[], proofs: Proofs | undefined): readonly ExitRequest[] {
      if (proofs === undefined) return requests
      const unproven = requests.filter(({ key }) => {
        const status = proofs.statusOf(key)
        return status === 'none' || status === 'unproven'
      })
      reporters.keepOnly(unproven)
      const oldest = reporters.inTurn(unproven.toReversed()).slice(most)
      if (oldest.length > 0) {
        const details = { forgotten: oldest.length, kept: most }
        log.error(
          'too many unproven exit requests, the oldest are forgotten: a node invents them',
          details,
        )
      }
      const gone = new Set(oldest.map(({ key }) => key))
      for (const { key } of requests) if (proofs.statusOf(key) === 'duplicate') gone.add(key)
      if (gone.size === 0) return requests
      journal.append([...gone].map((key) => ({ kind: 'forgotten' as const, key })))
      return requests.filter(({ key }) => !gone.has(key))
    },
  }
}

export type Admission = ReturnType<typeof createAdmission>

const isProven = ({ key }: ExitRequest, proofs: Proofs | undefined): boolean =>
  proofs?.statusOf(key) === 'proven'
