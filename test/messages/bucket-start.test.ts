import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { settleLibraries } from '../../src/config/libraries.ts'
import { startGcs } from '../sim/gcs.ts'
import { startS3 } from '../sim/s3.ts'
import { startDaemon } from '../support/daemon.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
const daemons: ReturnType<typeof startDaemon>[] = []
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  for (const { child, exited } of daemons.splice(0)) {
    child.kill('SIGKILL')
    await exited
  }
  await world.close()
})

function run(env: NodeJS.ProcessEnv) {
  const settings = { HTTP_PORT: 'false', LOGGER_FORMAT: 'simple', LOGGER_LEVEL: 'info' }
  const daemon = startDaemon(world.env({ ...settings, ...env }), world.home)
  daemons.push(daemon)
  return daemon
}

/** A loader of modules that does not find these packages, as if they were not installed. */
function hiding(...packages: readonly string[]): NodeJS.ProcessEnv {
  const hooks = `export async function resolve(name, context, next) {
    if (${JSON.stringify(packages)}.includes(name)) {
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    }
    return next(name, context)
  }`
  const dataUrl = (source: string) =>
    `data:text/javascript,${encodeURIComponent(source).replaceAll("'", '%27')}`
  const register = `import { register } from 'node:module'; register('${dataUrl(hooks)}')`
  return { NODE_OPTIONS: `--import=${dataUrl(register)}` }
}
const NO_S3 = hiding('@aws-sdk/client-s3')
const NO_GS = hiding('@google-cloud/storage')
const NEITHER = hiding('@aws-sdk/client-s3', '@google-cloud/storage')

describe('a start with messages in a bucket', () => {
  test.each([
    ['s3://bucket', '@aws-sdk/client-s3', NO_S3],
    ['gs://bucket', '@google-cloud/storage', NO_GS],
  ])('%s without %s ends with code 1, and says how to install it', async (location, name, env) => {
    const daemon = run({ ...env, MESSAGES_LOCATION: location })
    expect(await daemon.exited).toBe(1)
    expect(daemon.output()).toContain(
      `error: cannot run: the package ${name}, which MESSAGES_LOCATION needs, is not installed. Install it: npm install ${name}`,
    )
  })

  test('a folder needs neither package', async () => {
    world.writeMessage(1)
    const daemon = run(NEITHER)
    await daemon.said('messages loaded {"files":1,"valid":1')
  })

  test('a bucket that is not there ends it with code 1 and the remedy', async () => {
    const gcs = await startGcs()
    const daemon = run({ ...gcs.env, MESSAGES_LOCATION: 'gs://missing/lido' })
    expect(await daemon.exited).toBe(1)
    expect(daemon.output()).toContain(
      'error: cannot run: read messages gs://missing/lido: no such bucket. Create it, or correct MESSAGES_LOCATION',
    )
    await gcs.close()
  })

  test('credentials that are missing end it with code 1, whatever is set but empty', async () => {
    const daemon = run({
      MESSAGES_LOCATION: 's3://bucket',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: '',
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: world.home,
    })
    expect(await daemon.exited).toBe(1)
    expect(daemon.output()).toContain('read messages s3://bucket: no credentials found. Set AWS_')
    expect(daemon.output()).not.toContain('Warning')
  })

  test('a server that is down does not end it: the messages are read when it is back', async () => {
    const s3 = await startS3('bucket')
    await s3.put('bucket', 'lido/1.json', JSON.stringify(world.beacon.signExit(1)))
    await s3.refuse()
    const daemon = run({ ...s3.env, MESSAGES_LOCATION: 's3://bucket/lido' })
    await daemon.said('warn: read messages s3://bucket/lido: the server cannot be reached')
    await s3.revive()
    await daemon.said('messages loaded {"files":1,"valid":1')
    expect(daemon.output()).not.toContain('Warning')
    await s3.close()
  })
})

test('libraries get no empty values, and nothing else is taken from them', () => {
  const env: NodeJS.ProcessEnv = {
    AWS_REGION: '',
    AWS_PROFILE: ' ',
    STORAGE_EMULATOR_HOST: '',
    GOOGLE_APPLICATION_CREDENTIALS: 'key.json',
    HOLD_FILE: '',
  }
  settleLibraries(env)
  expect(env).toEqual({
    GOOGLE_APPLICATION_CREDENTIALS: 'key.json',
    HOLD_FILE: '',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  })
})
