import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Keystore } from '@chainsafe/bls-keystore'
import type { Stage } from '../devnet/stage.ts'
import type { BeaconChain } from '../sim/beacon-chain.ts'
import { interopSecretKey } from '../sim/beacon-keys.ts'
import { indexOf, type RoleName } from './cast.ts'
import { CLI_MAIN } from './root.ts'
import type { Screen } from './screen.ts'

export const PASSWORD = 'demo password'

export type Messages = Awaited<ReturnType<typeof prepareMessages>>

/** The folder that the daemon reads, filled as an operator would fill it, mistakes included. */
export async function prepareMessages(stage: Stage, beacon: BeaconChain, screen: Screen) {
  const plain = join(stage.folder, 'to-encrypt')
  const folder = join(stage.folder, 'messages')
  mkdirSync(plain)
  mkdirSync(folder)

  const sign = (name: RoleName) => beacon.signExit(indexOf(name))
  const put = (name: string, content: unknown, where = folder) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(where, name), text)
  }
  const nameOf = (name: RoleName) => `validator-${indexOf(name)}.json`

  for (const name of ['plain', 'otherOperator', 'forged', 'rotated'] as const) {
    put(nameOf(name), sign(name))
  }
  put('list.json', [sign('listed'), sign('listedUnasked')])

  const secretKey = interopSecretKey(indexOf('cut'))
  put(nameOf('wrongSignature'), beacon.signExit(indexOf('wrongSignature'), { secretKey }))
  const forgotten = Buffer.from(JSON.stringify(sign('otherPassword')))
  put(nameOf('otherPassword'), await seal(forgotten, 'forgotten'))
  put(nameOf('cut'), JSON.stringify(sign('cut')).slice(0, 100))
  put('unsigned.json', { message: sign('plain').message })
  put('keystore.json', await seal(secretKey, PASSWORD))

  for (const name of ['encrypted', 'nodeFails'] as const) put(nameOf(name), sign(name), plain)
  await encrypt(stage, screen, plain, folder)

  return {
    folder,
    /** Copies the message of this one into the folder now. */
    add: (name: RoleName) => put(nameOf(name), sign(name)),
    /** A folder with the keystores of these validators, and a file with the password of all. */
    async keystores(indices: readonly number[]) {
      const keys = join(stage.folder, 'keystores')
      const password = join(stage.folder, 'keystores.txt')
      mkdirSync(keys)
      writeFileSync(password, PASSWORD, { mode: 0o600 })
      for (const index of indices) {
        const pubkey = Buffer.from(beacon.pubkey(index).slice(2), 'hex')
        put(`${index}.json`, await seal(interopSecretKey(index), PASSWORD, pubkey), keys)
      }
      return { keys, password }
    },
    /** The same for a validator without a role. */
    addSpare: (index: number) => put(`validator-${index}.json`, beacon.signExit(index)),
  }
}

/** An EIP-2335 file of another tool. */
async function seal(
  secret: Uint8Array,
  password: string,
  pubkey = new Uint8Array(),
): Promise<string> {
  const keystore = await Keystore.create(password, secret, pubkey, '')
  return keystore.stringify()
}

/** As the README tells it: `npm run encrypt -- <input folder> <output folder>`. */
const encrypt = (stage: Stage, screen: Screen, from: string, to: string) =>
  runCommand(stage, screen, ['encrypt', from, to], { MESSAGES_PASSWORD: PASSWORD })

/** A command of the daemon, whose output is shown. @throws when it fails */
export async function runCommand(
  stage: Stage,
  screen: Screen,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const name = args[0] ?? ''
  const child = stage.launch(name, process.execPath, [CLI_MAIN, ...args], {
    cwd: stage.folder,
    env,
    ends: true,
  })
  const how = await child.ended
  screen.show(child.output())
  if (how !== 0) throw new Error(`${name} ended with ${how}: ${child.output()}`)
}
