import type { BeaconChain } from './beacon-chain.ts'
import { type SimValidator, type View, validatorJson } from './beacon-registry.ts'
import type { Asked, Route } from './beacon-routes.ts'
import { resolveState } from './beacon-states.ts'
import type { Answer } from './faults.ts'
import { json } from './http-server.ts'

const IS_INDEX = /^\d{1,15}$/
const IS_PUBKEY = /^0x[0-9a-fA-F]{96}$/

export const validatorRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/validators$/,
    answer: postValidators,
  },
  { method: 'GET', path: /^\/eth\/v1\/beacon\/states\/(\w+)\/validators$/, answer: getValidators },
  {
    method: 'GET',
    path: /^\/eth\/v1\/beacon\/states\/(\w+)\/validators\/(\w+)$/,
    answer: getValidator,
  },
]

function postValidators(asked: Asked): Answer {
  const { settings, call } = asked
  if (!settings.postSupported) {
    const code = settings.postRefusal
    return json({ code, message: 'METHOD_NOT_ALLOWED' }, code)
  }
  const body = parse(call.body)
  if (body === undefined) return json({ code: 400, message: 'BAD_REQUEST: body' }, 400)
  const ids = list(body.ids)
  if (ids.length > settings.maxBatch) return tooMany(settings.batchRefusal)
  return select(asked, ids, list(body.statuses))
}

function getValidators(asked: Asked): Answer {
  const { settings, call } = asked
  // A list with commas is one unknown id to some clients, so it is to all of them here.
  const ids = call.query.getAll('id')
  if (ids.length > settings.maxGetIds) return tooMany(settings.getRefusal)
  return select(asked, ids, call.query.getAll('status'))
}

function getValidator({ chain, settings, id, second }: Asked): Answer {
  const state = resolveState(chain, settings, id)
  const validator = state && lookUp(chain, second, state.view)
  if (state === undefined || validator === undefined) {
    return json({ code: 404, message: 'NOT_FOUND: unknown validator' }, 404)
  }
  return json({ ...state.flags, data: toJson(chain, validator, state.view) })
}

/** No ids at all means every validator. Unknown ones are left out. */
function select({ chain, settings, id }: Asked, ids: string[], statuses: string[]): Answer {
  if (ids.some((one) => one === settings.unbearableId)) {
    const code = settings.unbearableRefusal
    return json({ code, message: 'INTERNAL_ERROR: index out of range' }, code)
  }
  const state = resolveState(chain, settings, id)
  if (state === undefined) return json({ code: 404, message: 'NOT_FOUND: state' }, 404)
  const wrong = ids.find((one) => !one.includes(',') && !IS_INDEX.test(one) && !IS_PUBKEY.test(one))
  if (wrong !== undefined) {
    return json({ code: 400, message: `BAD_REQUEST: Invalid validator ID: ${wrong}` }, 400)
  }
  const wanted = ids.length === 0 ? chain.registry.indices().map(String) : [...new Set(ids)]
  const data = wanted.flatMap((one) => {
    const validator = lookUp(chain, one, state.view)
    const shown = validator && toJson(chain, validator, state.view)
    return shown === undefined || !isWanted(shown.status, statuses) ? [] : [shown]
  })
  return json({ ...state.flags, data })
}

/** `active` stands for `active_ongoing`, `active_exiting` and so on. */
const isWanted = (status: string, statuses: readonly string[]) =>
  statuses.length === 0 || statuses.some((one) => status === one || status.startsWith(`${one}_`))

function lookUp(chain: BeaconChain, id: string, view: View): SimValidator | undefined {
  const index = IS_INDEX.test(id) ? Number(id) : chain.registry.indexOf(id)
  return index === undefined ? undefined : chain.registry.at(index, view)
}

const toJson = (chain: BeaconChain, validator: SimValidator, view: View) =>
  validatorJson(validator, chain.registry.pubkeyOf(validator), view.epoch)

const tooMany = (code: number) => json({ code, message: 'too many validator ids' }, code)
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

function parse(body: string): { ids?: unknown; statuses?: unknown } | undefined {
  try {
    return JSON.parse(body === '' ? '{}' : body)
  } catch {
    return undefined
  }
}
