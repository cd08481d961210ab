import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseDockerfile, parseDockerignore } from './dockerfile.ts'

const root = (path: string) => new URL(`../../${path}`, import.meta.url)
const read = (path: string) => readFileSync(root(path), 'utf8')

describe('Dockerfile', () => {
  const stages = parseDockerfile(read('Dockerfile'))
  const last = stages.at(-1)!
  const of = <Kind extends string>(kind: Kind) =>
    last.steps.filter((step): step is Extract<typeof step, { kind: Kind }> => step.kind === kind)

  test('all stages stand on one image, that of Node 24', () => {
    expect(stages.map(({ base }) => base)).toEqual(stages.map(() => 'node:24-slim'))
  })

  test('what runs is node itself, not as root, in the form without a shell', () => {
    expect(
      last.steps.flatMap((step) => (step.kind === 'entrypoint' ? [step.command] : [])),
    ).toEqual([['node', 'dist/cli/main.js']])
    // A command behind `docker compose run ejector` takes the place of the daemon.
    expect(of('cmd').map(({ command }) => command)).toEqual([['run']])
    expect(of('user')).toEqual([{ kind: 'user', user: 'node' }])
    const afterUser = last.steps.slice(last.steps.findIndex(({ kind }) => kind === 'user') + 1)
    expect(afterUser.map(({ kind }) => kind)).toEqual([
      'expose',
      'healthcheck',
      'entrypoint',
      'cmd',
    ])
  })

  test('health is asked by node, since there is no curl in the image', () => {
    expect(of('healthcheck').map(({ command }) => command[0])).toEqual(['node'])
  })

  test('the result has production dependencies, the build, and the file with the version', () => {
    const copied = of('copy').flatMap(({ sources }) => sources)

    expect(copied).toEqual(['/app/node_modules', '/app/dist', 'package.json', 'LICENSE'])
    const dependencies = stages.find(({ name }) => name === 'dependencies')
    expect(JSON.stringify(dependencies)).toContain('--omit=dev')
  })

  test('everything that is copied is there, and let through to the build', () => {
    const isKept = parseDockerignore(read('.dockerignore'))
    const sources = stages
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step.kind === 'copy' && step.from === undefined ? step.sources : []))

    expect(sources.length).toBeGreaterThan(4)
    for (const source of sources) {
      expect(existsSync(root(source)), source).toBe(true)
      expect(isKept(source), source).toBe(true)
    }
    for (const secret of ['.env', 'messages/1.json', '.git/config', 'secrets/jwt']) {
      expect(isKept(secret), secret).toBe(false)
    }
  })

  test.each([
    'FROM --platform=$BUILDPLATFORM node:24-slim',
    'FROM node:24-slim\nADD x y',
    'FROM node:24-slim\nCMD node dist/main.js',
    'FROM node:24-slim\nCOPY --chown=node x y',
    'RUN true',
  ])('what the replay does not know is not passed over: %s', (text) => {
    expect(() => parseDockerfile(text)).toThrow('not understood')
  })
})
