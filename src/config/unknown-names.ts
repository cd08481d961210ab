import leven from 'leven'
import type { DotenvFile } from './dotenv.ts'
import type { Environment } from './environment.ts'
import { givenNames } from './variables.ts'

/** Variables of the 2.x line that mean nothing here. */
const DROPPED: readonly string[] = [
  'EASY_TRACK_ADDRESS',
  'EASY_TRACK_MOTION_CREATOR_ADDRESSES_ALLOWLIST',
  'VOTING_EVENTS_FRAME_BLOCKS',
]

/** What docker compose, Node.js, shells and client libraries read. */
const FOREIGN =
  /^(AWS|GOOGLE|GCLOUD|GCE|COMPOSE|DOCKER|NPM|GF)_|^(EJECTOR_[UG]ID|GRAFANA_(PORT|ADMIN_PASSWORD)|(PROMETHEUS|ALERTMANAGER|WATCH)_PORT|WATCH_SCOPE|STORAGE_EMULATOR_HOST|NODE_(ENV|OPTIONS|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED)|RES_OPTIONS|(HTTPS?|NO|ALL)_PROXY|NO_COLOR|FORCE_COLOR|TZ|LANG|LC_ALL|UV_THREADPOOL_SIZE)$/i

/** A whole value may stand where a name is expected, and must not show. */
const isShowable = (name: string) =>
  /^[a-z][a-z0-9_]{0,59}$/i.test(name) && (name.includes('_') || name.length <= 20)

/** Letters that may differ in a name of the environment, which is full of other people's names. */
const maxDistance = (name: string) => (name.length < 7 ? 1 : 2)

function nearest(name: string): { readonly name: string; readonly distance: number } {
  const found = givenNames.map((one) => ({ name: one, distance: leven(name.toUpperCase(), one) }))
  return found.reduce((best, one) => (one.distance < best.distance ? one : best))
}

/**
 * Names that nobody reads: their values would be lost without a word. All of `.env`, and those of
 * the environment that look like ours.
 *
 * @param expected - names that are not ours and known to be there, such as those of LOGGER_SECRETS
 */
export function unknownNames(
  env: Environment,
  dotenv: DotenvFile | undefined,
  expected: readonly string[],
): readonly string[] {
  const inFile = dotenv?.names ?? []
  const isOurs = (name: string) => givenNames.some((one) => one === name)
  return Object.keys(env).flatMap((name) => {
    if (!env[name]?.trim() || isOurs(name) || expected.includes(name)) return []
    const place = inFile.includes(name) ? '.env' : 'the environment'
    const start = `${isShowable(name) ? name : 'a name'} in ${place}`
    if (DROPPED.includes(name)) {
      return [`${start} has no effect: only the 2.x line read it. Remove it`]
    }
    const near = nearest(name)
    const isNear = near.distance <= maxDistance(name)
    if (!isNear && (place !== '.env' || FOREIGN.test(name))) return []
    if (isNear) return [`${start} is unknown and has no effect: is ${near.name} meant?`]
    return [`${start} is unknown and has no effect; the nearest name is ${near.name}`]
  })
}
