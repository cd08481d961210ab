import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { until } from '../support/until.ts'
import type { Answer, Call } from './faults.ts'
import { startHttpServer } from './http-server.ts'

const S3RVER = join(createRequire(import.meta.url).resolve('s3rver'), '../../bin/s3rver.js')
const KEY = 'S3RVER'

/**
 * A real S3 server (s3rver) in a process of its own, behind a server that records, and misbehaves
 * as ordered. Objects are put where s3rver keeps them, since thousands of calls would take long.
 */
export async function startS3(...buckets: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 's3-'))
  const child = spawn(
    // Its continuation tokens are encrypted with DES.
    process.execPath,
    ['--openssl-legacy-provider', S3RVER, '-s', '-d', folder, '-p', '0', '--no-vhost-buckets'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } },
  )
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const port = await until('s3rver listens', () => /listening on \S+:(\d+)/.exec(output)?.[1])
  const server = await startHttpServer((call) => forward(call, Number(port)))
  const pathOf = (bucket: string, key: string, part: string) =>
    join(folder, bucket, `${key}._S3rver_${part}`)
  for (const bucket of buckets) mkdirSync(join(folder, bucket))

  return Object.assign(server, {
    env: {
      AWS_ENDPOINT_URL: server.url.replace('127.0.0.1', 'localhost'),
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: KEY,
      AWS_SECRET_ACCESS_KEY: KEY,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    async createBucket(bucket: string) {
      mkdirSync(join(folder, bucket))
    },
    async put(bucket: string, key: string, content: string) {
      const path = pathOf(bucket, key, 'object')
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
      writeFileSync(`${path}.md5`, createHash('md5').update(content).digest('hex'))
      writeFileSync(pathOf(bucket, key, 'metadata.json'), '{}')
    },
    async remove(bucket: string, key: string) {
      for (const part of ['object', 'object.md5', 'metadata.json']) {
        rmSync(pathOf(bucket, key, part))
      }
    },
    async removeBucket(bucket: string) {
      rmSync(join(folder, bucket), { recursive: true })
    },
    async close() {
      await server.refuse()
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

const PASSED_ON = ['content-type', 'etag', 'last-modified', 'x-amz-request-id']

function forward({ method, path, query, headers }: Call, port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, method, path: `${path}?${query}`, headers }
    const outgoing = request({ host: '127.0.0.1', ...options }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const kept = PASSED_ON.flatMap((name) => {
          const value = response.headers[name]
          return typeof value === 'string' ? [[name, value] as const] : []
        })
        const body = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(kept), body })
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
