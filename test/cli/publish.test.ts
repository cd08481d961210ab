import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AlreadyThereError, publish } from '../../src/cli/encrypt/publish.ts'
import { put, temporaryFolder } from '../messages/fixtures.ts'
import { namesIn, readText } from './support.ts'

const file = { name: 'a.json', content: 'content', modifiedAt: new Date(0) }
const fine = async () => {}

/** A file system without hard links. */
const noLinks = async () => {
  throw Object.assign(new Error('no links'), { code: 'EPERM' })
}

test('what does not pass the check is not there, and neither is its draft', async () => {
  const folder = temporaryFolder()

  const published = publish(folder, file, async (written) => {
    throw new Error(`read: ${Buffer.from(written)}`)
  })

  await expect(published).rejects.toThrow('read: content')
  expect(namesIn(folder)).toEqual([])
})

test('a file that appears meanwhile stays as it is', async () => {
  for (const link of [undefined, noLinks]) {
    const folder = temporaryFolder()
    const check = async () => writeFileSync(join(folder, 'a.json'), 'of somebody else')

    await expect(publish(folder, file, check, link)).rejects.toThrow(AlreadyThereError)
    expect(readText(folder, 'a.json')).toBe('of somebody else')
    expect(namesIn(folder)).toEqual(['a.json'])
  }
})

test('it works where there are no links', async () => {
  const folder = temporaryFolder()

  await publish(folder, file, fine, noLinks)

  expect(namesIn(folder)).toEqual(['a.json'])
  expect(readText(folder, 'a.json')).toBe('content')
})

test('other errors of the file system are told as they are', async () => {
  const folder = temporaryFolder()
  put(folder, 'file', '')

  await expect(publish(join(folder, 'file'), file, fine)).rejects.toMatchObject({ code: 'ENOTDIR' })
})
