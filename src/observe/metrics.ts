import { collectDefaultMetrics, type Histogram, Registry } from 'prom-client'
import type { NodeStatus } from '../lib/layer.ts'
import type { Scope } from '../requests/scope.ts'
import { createInstruments } from './instruments.ts'
import { createRequestMetrics } from './request-metrics.ts'

/** What becomes of a proven request: a message or a webhook exits its validator, or nobody here. */
export type Mode = 'message' | 'webhook' | 'watch'

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
  readonly mode: Mode
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
  const { counter, set, histogram } = instruments
  set('build_info', 1, { version: options.version, mode: options.mode })
  set('dry_run', options.dryRun)
  set('trust_mode', options.trustMode)

  const messages = counter('exit_messages')
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

  const polling = histogram('polling_last_blocks_duration_seconds', JOB_BUCKETS)
  const { updateExitRequests, ...requestMetrics } = createRequestMetrics(instruments, options)

  return {
    ...requestMetrics,
    /** A gauge of the table; absent until it is set. */
    set,
    /**
     * The outcome of one load of the messages, in place of the one before.
     * @param valid - validators with a valid message, used ones included
     * @param refused - files or entries that were refused
     */
    setMessages,
    /** Valid messages that can still be used, and those whose validator has exited. */
    setMessagesLeft: (left: number, used: number) => {
      set('exit_messages_left_number', left)
      set('exit_messages_left_percent', left + used === 0 ? 0 : (100 * left) / (left + used))
    },
    /** How far a load is that may take long. */
    setLoadProgress: (load: LoadObservation) => {
      set('message_load_files', load.done, { state: 'done' })
      set('message_load_files', load.files - load.done, { state: 'left' })
      set('message_load_messages', load.valid, { valid: 'true' })
      set('message_load_messages', load.refused, { valid: 'false' })
      if (load.secondsLeft !== undefined) set('message_load_remaining_seconds', load.secondsLeft)
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
    /** A node as the last look at it found it. */
    setNode: ({ layer, host, up, synced }: NodeStatus) => {
      set('node_up', up, { layer, host })
      set('node_synced', synced, { layer, host })
    },
    /** The whole registry in the text format of Prometheus. */
    expose: async () => {
      updateExitRequests()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    /** Lets go of every instrument. Only tests need it. */
    stop: () => registry.clear(),
  }
}
