import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UNBEARABLE_INDEX } from '../sim/quirks.ts'
import { type Network, VALIDATORS } from './network.ts'
import type { Random } from './random.ts'
import type { Tally } from './tally.ts'

/** Of every so many validators one never has a message. */
const ONE_IN = 7

/** The folder of messages, in which nothing is left alone. */
export function createMessages(folder: string, network: Network, random: Random, tally: Tally) {
  const { beacon } = network
  const texts = new Map<number, string>()
  /** Names under which a good message lies there now. */
  const files = new Map<number, string>()
  /** Validators whose message comes back at a step. */
  const away = new Map<number, number>()
  const hasMessage = (index: number) => index % ONE_IN !== 3
  let names = 0

  function textOf(index: number): string {
    const text = texts.get(index) ?? JSON.stringify(beacon.signExit(index))
    texts.set(index, text)
    return text
  }

  /** As a careful operator does it, or in place. */
  function write(name: string, text: string): void {
    const path = join(folder, name)
    if (random.chance(0.5)) writeFileSync(path, text)
    else {
      writeFileSync(`${path}.part`, text)
      renameSync(`${path}.part`, path)
    }
  }

  function put(index: number): void {
    away.delete(index)
    const name = files.get(index) ?? `${index}-${names}.json`
    names += 1
    write(name, textOf(index))
    files.set(index, name)
  }

  /** Of no validator, and more than some nodes can bear. */
  function oddText(): string {
    const exit = beacon.signExit(0)
    const message = { ...exit.message, validator_index: String(UNBEARABLE_INDEX) }
    return JSON.stringify({ ...exit, message })
  }

  /** A second message of the same validator, which cannot be used until a later epoch, or never. */
  const laterText = (index: number): string =>
    JSON.stringify(beacon.signExit(index, { epoch: beacon.epoch + random.pick([50, 100_000]) }))

  const BROKEN = [
    () => '{"message":{"epoch":"0"',
    () => 'null',
    () => '',
    (index: number) => JSON.stringify(beacon.signExit(index, { forkVersion: '0xdeadbeef' })),
  ]

  function disturb(index: number, back: number): void {
    const name = files.get(index)
    if (name === undefined) return
    away.set(index, back)
    if (random.chance(0.5)) {
      rmSync(join(folder, name))
      files.delete(index)
      tally.count('messages removed')
    } else {
      write(name, random.pick(BROKEN)(index))
      tally.count('messages broken')
    }
  }

  function replace(index: number): void {
    const name = files.get(index)
    if (name === undefined) return
    files.delete(index)
    put(index)
    rmSync(join(folder, name))
    tally.count('messages replaced')
  }

  return {
    hasMessage,
    /** Since this step a good message lies there; `undefined` while it is away. */
    isThere: (index: number) => files.has(index) && !away.has(index),
    /** Half of them at once, the others come later. */
    begin(): void {
      if (random.chance(0.5)) write('odd.json', oddText())
      for (let index = 0; index < VALIDATORS; index += 1) {
        if (!hasMessage(index)) continue
        if (random.chance(0.5)) put(index)
        else away.set(index, random.int(120))
        if (random.chance(0.2)) write(`${index}-later.json`, laterText(index))
      }
    },
    step(step: number): void {
      for (const [index, back] of [...away]) if (back <= step) put(index)
      if (!random.chance(0.3)) return
      const index = random.int(VALIDATORS)
      if (!hasMessage(index) || away.has(index)) return
      if (random.chance(0.7)) disturb(index, step + 1 + random.int(15))
      else replace(index)
    },
    end(): void {
      for (const index of [...away.keys()]) put(index)
    },
  }
}
export type SoakMessages = ReturnType<typeof createMessages>
