import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startS3 } from '../sim/s3.ts'
import { bucketStore } from './bucket-places.ts'
import { entriesOf, never } from './fixtures.ts'

let s3: Awaited<ReturnType<typeof startS3>>
beforeAll(async () => {
  s3 = await startS3('bucket', 'bucket.with.dots')
})
afterAll(() => s3.close())
afterEach(() => {
  s3.faults.clear()
  s3.clearCalls()
})
const open = (env: Readonly<Record<string, string>> = {}, bucket = 'bucket') =>
  bucketStore('s3', { env: { ...s3.env, ...env } }, bucket)
const listed = async (env?: Readonly<Record<string, string>>) => entriesOf(await open(env))

const refusal = (status: number, code: string) => ({
  kind: 'status' as const,
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>secret</Message></Error>`,
})

describe('what S3 refuses is said with its remedy', () => {
  test.each([
    [403, 'AccessDenied', 'access denied. Allow s3:ListBucket on the bucket and s3:GetObject'],
    [403, 'InvalidAccessKeyId', 'the credentials are not accepted. Correct AWS_ACCESS_KEY_ID'],
    [403, 'SignatureDoesNotMatch', 'the credentials are not accepted'],
    [400, 'ExpiredToken', 'the credentials have expired. Renew them'],
    [404, 'NoSuchBucket', 'no such bucket. Create it, or correct MESSAGES_LOCATION'],
    [400, 'AuthorizationHeaderMalformed', 'the bucket is in another region. Set AWS_REGION'],
    [400, 'MadUpByTheServer', 'refused by the server (MadUpByTheServer)'],
    [405, '"><b>not a word</b>', 'refused by the server ('],
    [403, '', 'access denied'],
  ])('%i %s, for somebody to change', async (status, code, words) => {
    s3.faults.add(refusal(status, code))
    const error = await listed().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'StoreError', isPassing: false })
    expect(`${error}`).toContain(`StoreError: read messages s3://bucket: ${words}`)
  })

  test.each([
    [503, 'SlowDown', 'throttled by the server'],
    [429, 'TooManyRequests', 'throttled by the server'],
    [500, 'InternalError', 'the server fails (InternalError)'],
    [502, 'BadGateway', 'the server fails ('],
    [403, 'RequestTimeTooSkewed', 'the clock of this machine is wrong. Set it'],
  ])('%i %s, which may pass', async (status, code, words) => {
    s3.faults.add(refusal(status, code))
    const error = await listed().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'StoreError', isPassing: true })
    expect(`${error}`).toContain(`StoreError: read messages s3://bucket: ${words}`)
  })

  test('an archived object is named, and may be restored', async () => {
    await s3.put('bucket', '1.json', '{}')
    await s3.put('bucket', '2.json', '{}')
    s3.faults.add({ ...refusal(403, 'InvalidObjectState'), match: { path: /1\.json/ } })
    const store = await open()
    const files = await entriesOf(store)
    const contents = files.map((file) => ('fault' in file ? undefined : store.read(file, never)))
    expect((await Promise.all(contents))[0]).toEqual({
      kind: 'fault',
      fault: { code: 'unreadable', detail: 'archived. Restore it, or remove it' },
    })
  })
})

describe('what the environment lacks is said with its remedy', () => {
  const nowhere = {
    AWS_CONFIG_FILE: '/nonexistent/config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  }
  test.each([
    [{ AWS_REGION: '' }, 'the region is not known. Set AWS_REGION to that of the bucket', false],
    [
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
      'no credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role',
      false,
    ],
    [
      { AWS_ENDPOINT_URL: 'minio:9000' },
      'AWS_ENDPOINT_URL is no URL. Set it to one, as https://host:port',
      false,
    ],
    [
      { AWS_ENDPOINT_URL: 'not a url' },
      'AWS_ENDPOINT_URL is no URL. Set it to one, as https://host:port',
      false,
    ],
    [
      {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_ROLE_ARN: 'arn:aws:iam::1:role/x',
        AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent/token',
      },
      'no credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role',
      false,
    ],
    [
      { AWS_ENDPOINT_URL: 'http://localhost:1' },
      'the server cannot be reached (ECONNREFUSED). Check the network and AWS_ENDPOINT_URL',
      true,
    ],
  ])('%j', async (env, words, isPassing) => {
    const error = await listed({ ...nowhere, ...env }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ message: `read messages s3://bucket: ${words}`, isPassing })
  })
})

describe('the address of a bucket', () => {
  test('is a path where the server is one of the operator’s own', async () => {
    await listed()
    expect(s3.calls.map(({ path }) => path)).toEqual(['/bucket/'])
    expect(s3.calls[0]?.headers.host).toMatch(/^localhost:/)
  })

  test('is a path where its name has dots', async () => {
    await (await open({}, 'bucket.with.dots')).list(never)
    expect(s3.calls.map(({ path }) => path)).toEqual(['/bucket.with.dots/'])
  })
})

describe('a listing', () => {
  const page = (contents: string, more = '<IsTruncated>false</IsTruncated>') => ({
    kind: 'wrong-schema' as const,
    body: `<ListBucketResult>${more}${contents}</ListBucketResult>`,
  })
  const object = (key: string, size = 1) =>
    `<Contents><Key>${key}</Key><LastModified>2024-05-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>${size}</Size></Contents>`

  test('may hold names that XML cannot, and gives them encoded', async () => {
    const encoded = '<EncodingType>url</EncodingType>'
    s3.faults.add(page(encoded + object('a+b%2Bc%01.json') + object('100%.json')))
    const names = (await listed()).map(({ name }) => name)
    expect(names).toEqual(['a b+c\u0001.json', '100%.json'])
  })

  test('names what is larger than 64 MiB, which is not read', async () => {
    s3.faults.add(page(object('1.json', 2 ** 26 + 1) + object('2.json', 2 ** 26)))
    expect(await listed()).toMatchObject([
      { name: '1.json', fault: { code: 'too-large', detail: '67108865 bytes' } },
      { name: '2.json', size: 67_108_864 },
    ])
  })

  test('that goes round in circles ends', async () => {
    const more =
      '<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>'
    s3.faults.add(page(object('1.json'), more))
    await expect(listed()).rejects.toThrow('the listing does not end')
    expect(s3.calls).toHaveLength(2)
  })

  test.each([
    ['that does not say whether more follows', ''],
    ['that says more follows, but not where', '<IsTruncated>true</IsTruncated>'],
  ])('%s is none', async (_, more) => {
    s3.faults.add(page(object('1.json'), more))
    await expect(listed()).rejects.toMatchObject({ isPassing: true })
    await expect(listed()).rejects.toThrow('what answers is no object store')
  })
})
