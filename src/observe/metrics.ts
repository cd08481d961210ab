import { collectDefaultMetrics, type Histogram, Registry } from 'prom-client'
import type { Scope } from '../requests/scope.ts'
import { createInstruments } from './instruments.ts'
import { createRequestMetrics } from './request-metrics.ts'

/** How a thing ended, as a label. */
export type Result = 'success' | 'error'

/** One request to a node. */
type RequestObservation = {
  /** Host name without port: the label `domain`. Never a path, which may hold an API key. */
  readonly host: string
  /** HTTP status, or nothing when there was no answer. */
  readonly status: number | undefined
  readonly result: Result
  readonly seconds: number
}

/** One node as the last look at it found it. */
export type NodeObservation = {
  readonly layer: 'execution' | 'consensus'
  readonly host: string
  readonly up: boolean
  readonly synced: boolean
}

/** A load of the messages that is under way, or has just ended. */
type LoadObservation = {
  readonly files: number
  /** Files that are dealt with. */
  readonly done: number
  readonly valid: number
  readonly refused: number
  /** As far as it can be told. */
  readonly secondsLeft: number | undefined
}

export type MetricsOptions = {
  /** Stands before every name but those of Node's own metrics. */
  readonly prefix: string
  readonly version: string
  readonly mode: 'message' | 'webhook'
  readonly dryRun: boolean
  readonly trustMode: boolean
  /** Whose requests are measured from the start. */
  readonly scope: Scope
  /** Node's own metrics; they watch garbage collection as long as the process lives. */
  readonly nodeMetrics?: boolean
}

export type Metrics = ReturnType<typeof createMetrics>

const APP = 'validator-ejector'
const RESULTS: readonly Result[] = ['success', 'error']
/** Seconds. Requests end with their deadline, jobs may take as long as a first look-back. */
const REQUEST_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const JOB_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
/** Events of one poll that are counted one by one in the label `eventsNumber`. */
const MANY_EVENTS = 100

const seconds = (from: bigint) => Number(process.hrtime.bigint() - from) / 1e9

function createJobTimer(job: Histogram, name: string) {
  return (intervalMs: number) => {
    const start = process.hrtime.bigint()
    return (result: Result) =>
      job.observe({ name, interval: String(intervalMs), result }, seconds(start))
  }
}

function createRequestObserver(histogram: Histogram) {
  return ({ host, status, result, seconds }: RequestObservation) =>
    histogram.observe({ result, status: String(status ?? 'unknown'), domain: host }, seconds)
}

/**
 * Everything that is measured, on a registry of its own.
 *
 * No label may hold a public key, a validator index or a URL path.
 */
export function createMetrics(options: MetricsOptions) {
  const registry = new Registry()
  registry.setDefaultLabels({ app: APP })
  if (options.nodeMetrics ?? true) collectDefaultMetrics({ register: registry })

  const instruments = createInstruments(registry, options.prefix)
  const { counter, gauge, histogram } = instruments
  gauge('build_info')(1, { version: options.version, mode: options.mode })
  gauge('dry_run')(options.dryRun ? 1 : 0)
  gauge('trust_mode')(options.trustMode ? 1 : 0)

  const messages = counter('exit_messages')
  const leftNumber = gauge('exit_messages_left_number')
  const leftPercent = gauge('exit_messages_left_percent')
  const actions = counter('exit_actions')
  const verifications = counter('event_security_verification')
  for (const result of RESULTS) {
    actions.inc({ result }, 0)
    verifications.inc({ result }, 0)
  }
  const setMessages = (valid: number, refused: number) => {
    messages.reset()
    messages.inc({ valid: 'true' }, valid)
    messages.inc({ valid: 'false' }, refused)
  }
  setMessages(0, 0)

  const loadFiles = gauge('message_load_files')
  const loadMessages = gauge('message_load_messages')
  const loadRemaining = gauge('message_load_remaining_seconds')
  const polling = histogram('polling_last_blocks_duration_seconds', JOB_BUCKETS)
  const lastGood = gauge('last_successful_cycle_timestamp_seconds')
  const up = gauge('node_up')
  const synced = gauge('node_synced')
  const journalDegraded = gauge('journal_degraded')
  const finalityEvents = gauge('finality_events_connected')
  const allowlistMissing = gauge('oracle_allowlist_missing')
  const allowlistStale = gauge('oracle_allowlist_stale')
  const allowlistAnnounced = gauge('oracle_allowlist_announced')
  const seatsVacant = gauge('oracle_seats_vacant')
  const unread = gauge('unread_blocks')
  const unknownVersion = gauge('protocol_version_unknown')
  const finalized = gauge('finalized_block_timestamp_seconds')
  const { updateExitRequests, ...requestMetrics } = createRequestMetrics(instruments, options.scope)

  return {
    ...requestMetrics,
    /**
     * The outcome of one load of the messages, in place of the one before.
     * @param valid - validators with a valid message, used ones included
     * @param refused - files or entries that were refused
     */
    setMessages,
    /** Valid messages that can still be used, and those whose validator has exited. */
    setMessagesLeft: (left: number, used: number) => {
      leftNumber(left)
      leftPercent(left + used === 0 ? 0 : (100 * left) / (left + used))
    },
    /** How far a load is that may take long. */
    setLoadProgress: (load: LoadObservation) => {
      loadFiles(load.done, { state: 'done' })
      loadFiles(load.files - load.done, { state: 'left' })
      loadMessages(load.valid, { valid: 'true' })
      loadMessages(load.refused, { valid: 'false' })
      if (load.secondsLeft !== undefined) loadRemaining(load.secondsLeft)
    },
    /** The caller counts a request at most once per result. */
    countExit: (result: Result) => actions.inc({ result }),
    /** The caller counts a request once. */
    countVerification: (result: Result) => verifications.inc({ result }),
    observePolling: (events: number, seconds: number) => {
      const eventsNumber = events < MANY_EVENTS ? String(events) : `${MANY_EVENTS}+`
      polling.observe({ eventsNumber }, seconds)
    },
    observeExecutionRequest: createRequestObserver(
      histogram('execution_request_duration_seconds', REQUEST_BUCKETS),
    ),
    observeConsensusRequest: createRequestObserver(
      histogram('consensus_request_duration_seconds', REQUEST_BUCKETS),
    ),
    /** Starts a clock; the function returned stops it. The interval is in milliseconds. */
    timeJob: createJobTimer(histogram('job_duration_seconds', JOB_BUCKETS), APP),
    timeMessageReload: createJobTimer(
      histogram('job_message_reloader_duration_seconds', JOB_BUCKETS),
      'message-reloader',
    ),
    /** @param unixSeconds - when the cycle ended */
    setLastSuccessfulCycle: (unixSeconds: number) => lastGood(unixSeconds),
    setNode: (node: NodeObservation) => {
      const labels = { layer: node.layer, host: node.host }
      up(node.up ? 1 : 0, labels)
      synced(node.synced ? 1 : 0, labels)
    },
    setFinalityEvents: (connected: boolean) => finalityEvents(connected ? 1 : 0),
    /** How the allowlist differs from the oracle, and how many members have no signer. */
    setAllowlistDrift: (drift: Record<'missing' | 'stale' | 'announced' | 'vacant', number>) => {
      allowlistMissing(drift.missing)
      allowlistStale(drift.stale)
      allowlistAnnounced(drift.announced)
      seatsVacant(drift.vacant)
    },
    setJournalDegraded: (isDegraded: boolean) => journalDegraded(isDegraded ? 1 : 0),
    setUnknownVersion: (isUnknown: boolean) => unknownVersion(isUnknown ? 1 : 0),
    setUnreadBlocks: (count: number) => unread(count),
    setFinalizedBlock: (unixSeconds: number) => finalized(unixSeconds),
    /** The whole registry in the text format of Prometheus. */
    expose: async () => {
      updateExitRequests()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    /** Lets go of every instrument. Only tests need it. */
    stop: () => registry.clear(),
  }
}
