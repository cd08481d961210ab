import { expect } from 'vitest'
import { until } from '../support/until.ts'
import type { RunningApp } from '../support/world.ts'

type Rows = { total: number; rows: Record<string, unknown>[] }
export type Status = {
  mode: Record<string, unknown>
  lastCycle: { ok: boolean; failures: string[] } | null
  requests: { open: Rows; unproven: Rows }
  exits: Rows
  messages: { files: number; left: Rows; used: Rows; refused: Rows; superseded: Rows } | null
  nextExits: Rows
  nodes: { layer: string; host: string; up: boolean; synced: boolean; why: string | null }[]
  drift: {
    missing: string[]
    announced: object[]
    stale: string[]
    kept: string[]
    vacant: string[]
  } | null
  journal: { degraded: boolean }
}

export async function statusOf(app: RunningApp): Promise<Status> {
  const answer = await fetch(`${app.url}/status`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ])
  return (await answer.json()) as Status
}

/** The status once it is as it should be. */
export async function statusWhen(
  app: RunningApp,
  what: string,
  check: (status: Status) => boolean,
) {
  return until(what, async () => {
    const status = await statusOf(app)
    return status.requests !== undefined && check(status) && status
  })
}
