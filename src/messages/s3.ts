import { pipeline, Readable } from 'node:stream'
import type {
  GetObjectCommand,
  ListObjectsV2Command,
  _Object as S3Object,
} from '@aws-sdk/client-s3'
import { onAbort } from '../lib/on-abort.ts'
import {
  type BucketClient,
  createLimit,
  type Fault,
  faultOfStatus,
  type ListedObject,
  lasting,
  loadPackage,
  NO_BUCKET,
  ODD_ANSWER,
  OddAnswerError,
  passing,
  THROTTLED,
  unreachable,
  WRONG_CLOCK,
  wordOf,
} from './bucket-client.ts'

/** Calls after a fault that may pass, the first one included. */
const ATTEMPTS = 3
const CONNECT_MS = 5_000

/**
 * A bucket of S3, or of a server that speaks its protocol. Credentials, region and endpoint come
 * from where the SDK finds them: environment, shared files, roles.
 *
 * @throws StoreError when the SDK is not installed
 */
export async function openS3(bucket: string): Promise<BucketClient> {
  const sdk = await loadPackage('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'))
  const settings = {
    maxAttempts: ATTEMPTS,
    followRegionRedirects: true,
    requestHandler: { connectionTimeout: CONNECT_MS },
  }
  const probe = new sdk.S3Client(settings)
  const forcePathStyle = bucket.includes('.') || (await hasOwnEndpoint(probe.config))
  probe.destroy()
  const client = new sdk.S3Client({ ...settings, forcePathStyle })

  return {
    async listPage(prefix, token, abortSignal) {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ContinuationToken: token,
        // XML cannot hold every character that a key may have.
        EncodingType: 'url',
      })
      boundAnswer(command, abortSignal, false)
      const answer = await client.send(command, { abortSignal })
      const { IsTruncated, NextContinuationToken: next, Contents = [] } = answer
      // A page of HTML would pass for an empty bucket, and that for the operator's stop.
      if (IsTruncated === undefined || (IsTruncated && !next)) throw new OddAnswerError()
      const decode = answer.EncodingType === 'url' ? decodeKey : (key: string) => key
      const objects = Contents.flatMap((object) => toListed(object, decode))
      return { objects, next: IsTruncated ? next : undefined }
    },

    async openObject(key, listed, abortSignal) {
      const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key })
      boundAnswer(command, abortSignal, true)
      const { Body, ETag } = await client.send(command, { abortSignal })
      if (Body === undefined) throw new OddAnswerError()
      return {
        body: Body as Readable,
        isAsListed({ length }) {
          // Some other page, or part of the object, would pass for its content for good.
          if (ETag === undefined) throw new OddAnswerError()
          const isSame = listed.version.startsWith(`${strongTag(ETag)} `)
          if (isSame && length !== listed.size) throw new OddAnswerError()
          return isSame
        },
      }
    },

    faultOf: s3FaultOf,
    close: () => client.destroy(),
  }
}

/**
 * Host names of a server of one's own rarely have one for each bucket. The SDK knows of the
 * endpoint (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, shared files) but does not type it.
 */
async function hasOwnEndpoint(config: object): Promise<boolean> {
  const { serviceConfiguredEndpoint: find } = config as {
    serviceConfiguredEndpoint?: () => Promise<string | undefined>
  }
  return (await find?.().catch(() => undefined)) !== undefined
}

/**
 * What the SDK reads by itself, listings and errors, it reads to the end, also when nobody waits
 * for it any more.
 */
function boundAnswer(
  command: GetObjectCommand | ListObjectsV2Command,
  signal: AbortSignal,
  isObject: boolean,
): void {
  const stack = command.middlewareStack as GetObjectCommand['middlewareStack']
  stack.add(
    (next) => async (args) => {
      const result = await next(args)
      const response = result.response as { statusCode: number; body?: unknown }
      const { statusCode, body } = response
      if (!(body instanceof Readable) || (isObject && statusCode < 300)) return result
      const limit = createLimit()
      pipeline(body, limit, () => {})
      onAbort(signal, () => limit.destroy(signal.reason))
      response.body = limit
      return result
    },
    { name: 'boundAnswer', step: 'deserialize', priority: 'low' },
  )
}

/** Without the mark that a proxy puts before it when it passes an answer on. */
const strongTag = (tag: string | undefined) => tag?.replace(/^W\//, '')

function toListed(object: S3Object, decode: (key: string) => string): ListedObject[] {
  const { Key, ETag, Size, LastModified } = object
  if (Key === undefined || Size === undefined || LastModified === undefined) {
    throw new OddAnswerError()
  }
  const modifiedAt = LastModified.getTime()
  return [
    {
      key: decode(Key),
      version: `${strongTag(ETag)} ${modifiedAt} ${Size}`,
      modifiedAt,
      size: Size,
    },
  ]
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}

const DENIED = lasting(
  'access denied. Allow s3:ListBucket on the bucket and s3:GetObject on its objects',
)
const NO_CREDENTIALS = lasting(
  'no credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role',
)
const BAD_CREDENTIALS = lasting(
  'the credentials are not accepted. Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what stands in their place',
)
const EXPIRED = lasting('the credentials have expired. Renew them, or give the machine a role')
const BAD_ADDRESS = lasting('AWS_ENDPOINT_URL is no URL. Set it to one, as https://host:port')
const NO_REGION = lasting('the region is not known. Set AWS_REGION to that of the bucket')
const OTHER_REGION = lasting('the bucket is in another region. Set AWS_REGION to that one')

const FAULTS: Readonly<Record<string, Fault>> = {
  NoSuchBucket: NO_BUCKET,
  InvalidBucketName: NO_BUCKET,
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  InvalidObjectState: lasting('archived. Restore it, or remove it'),
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  InvalidAccessKeyId: BAD_CREDENTIALS,
  SignatureDoesNotMatch: BAD_CREDENTIALS,
  InvalidToken: BAD_CREDENTIALS,
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  PermanentRedirect: OTHER_REGION,
  TemporaryRedirect: OTHER_REGION,
  AuthorizationHeaderMalformed: OTHER_REGION,
  IllegalLocationConstraintException: OTHER_REGION,
  RequestTimeTooSkewed: WRONG_CLOCK,
  RequestExpired: WRONG_CLOCK,
  RequestTimeout: passing('the server waited too long for the request. Check the network'),
  SlowDown: THROTTLED,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  TooManyRequests: THROTTLED,
  RequestLimitExceeded: THROTTLED,
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function s3FaultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return passing('unknown error')
  if (error.name === 'NoSuchKey') return undefined
  if (/^Region (is missing|not accepted)/.test(error.message)) return NO_REGION
  const known = Object.hasOwn(FAULTS, error.name) ? FAULTS[error.name] : undefined
  if (known !== undefined) return known
  const status = statusOf(error)
  if (status === undefined) {
    const code = 'code' in error ? error.code : undefined
    if (error.name === 'EndpointError' || code === 'ERR_INVALID_URL') return BAD_ADDRESS
    // The token of a role, in a file that is not there.
    if (code === 'ENOENT' || code === 'EACCES') return NO_CREDENTIALS
    return unreachable(wordOf(code, wordOf(error.name, 'error')), 'AWS_ENDPOINT_URL')
  }
  if (status === 404) return NO_BUCKET
  if (status === 401 || status === 403) return DENIED
  if (status === 429) return THROTTLED
  // What could not be made out came with a good status, or none: no S3 server has answered.
  if (status < 300) return ODD_ANSWER
  return faultOfStatus(status, wordOf(error.name, `${status}`))
}

function statusOf(error: Error): number | undefined {
  const { $metadata, $response } = error as {
    $metadata?: { httpStatusCode?: number }
    $response?: { statusCode?: number }
  }
  return $metadata?.httpStatusCode ?? $response?.statusCode
}
