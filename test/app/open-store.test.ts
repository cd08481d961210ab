import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../src/app/open-store.ts'

const never = new AbortController().signal

test('the first look at a folder serves the first load, and no other one', async () => {
  const path = mkdtempSync(join(tmpdir(), 'open-store-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  writeFileSync(join(path, 'a.json'), '{}')
  const store = await openStore({ kind: 'folder', path }, { warn: () => {} }, never)
  onTestFinished(() => store.close())
  writeFileSync(join(path, 'b.json'), '{}')

  const names = async () => (await store.list(never)).entries.map(({ name }) => name)
  expect(await names()).toEqual(['a.json'])
  expect(await names()).toEqual(['a.json', 'b.json'])
})
