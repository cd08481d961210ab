import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'

const folder = new URL('../../.github/workflows/', import.meta.url)
const names = readdirSync(folder)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')

type Job = { permissions?: Record<string, string>; 'timeout-minutes'?: number }

describe.each(names)('workflow %s', (name) => {
  const workflow = parseYaml(read(name))
  const jobs: readonly Job[] = Object.values(workflow.jobs)

  test('every action is pinned to a commit, with its version beside it', () => {
    const uses = [...read(name).matchAll(/uses: (.*)$/gm)].map(([, action]) => action)

    expect(uses.length).toBeGreaterThan(0)
    for (const action of uses) expect(action).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('it may read the repository, and write packages at most', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    for (const { permissions = {} } of jobs) {
      const rights = Object.entries(permissions).map(([what, right]) => `${what}: ${right}`)
      expect(['contents: read', 'packages: write']).toEqual(expect.arrayContaining(rights))
    }
  })

  test('no job runs without end', () => {
    for (const job of jobs) expect(job['timeout-minutes']).toBeGreaterThan(0)
  })
})

test('checks run on every version of Node that is supported', () => {
  const { node } = parseYaml(read('check.yml')).jobs.check.strategy.matrix

  expect(node).toEqual(['20.19', '22', '24'])
})

test('the image is for both architectures, with a bill of materials and provenance', () => {
  const { steps } = parseYaml(read('image.yml')).jobs.image
  const build = steps.find(({ uses }: { uses?: string }) => uses?.includes('build-push-action'))

  expect(build.with).toMatchObject({
    platforms: 'linux/amd64,linux/arm64',
    sbom: true,
    provenance: 'mode=max',
  })
})
