import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../devnet/http.ts'
import type { Stage } from '../devnet/stage.ts'
import type { Daemon } from './daemon.ts'
import { dotenvOf, environmentOf } from './environment.ts'
import { type Action, takeKeys } from './keys.ts'
import type { Messages } from './messages.ts'
import { CLI_MAIN } from './root.ts'
import type { Screen } from './screen.ts'
import type { World } from './world.ts'

type Parts = {
  readonly stage: Stage
  readonly world: World
  readonly daemon: Daemon
  readonly messages: Messages
  readonly screen: Screen
  readonly signal: AbortSignal
}

/** Stays up after the story: for a browser, for a second daemon, and for what a key asks for. */
export async function stayUp(parts: Parts): Promise<void> {
  const { daemon, messages, screen, signal } = parts
  const second = await writeSecond(parts)
  screen.heading(
    'It stays up until Ctrl-C. Look around:',
    ...(await daemon.pages()),
    `messages in ${messages.folder}`,
    'A folder with a complete .env, for a second daemon and for commands:',
    `cd ${second} && node ${CLI_MAIN} check`,
    `cd ${second} && node ${CLI_MAIN} run`,
  )
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    takeKeys(screen, actionsOf(parts), resolve)
  })
}

/** @returns the folder of a second daemon: everything as the first one has it, but port and state */
async function writeSecond({ stage, world, messages }: Parts): Promise<string> {
  const folder = join(stage.folder, 'second')
  mkdirSync(folder)
  const [port = 0] = await freePorts(1)
  const environment = environmentOf(world, messages.folder, port, join(folder, 'state.sqlite'))
  writeFileSync(join(folder, '.env'), dotenvOf(environment), { mode: 0o600 })
  return folder
}

function actionsOf({ world, messages }: Parts): readonly Action[] {
  const [node] = world.nodes
  let isDown = false

  /** The next validator that nobody has spoken of, with its message in the folder. */
  function nextSpare() {
    const record = world.nextSpare()
    messages.addSpare(record.validatorIndex)
    return record
  }
  return [
    {
      key: 'n',
      what: 'The oracle requests one more validator, whose message is there: it exits',
      act: () => world.oracle.report(nextSpare()),
    },
    {
      key: 'f',
      what: 'An execution node invents a request for one more: it is not proven, and nothing is sent',
      act: async () => world.liar.forge(nextSpare()),
    },
    {
      key: 'd',
      what: 'A consensus node goes down, or comes back: the other one is used meanwhile',
      act: async () => {
        await (isDown ? node.revive() : node.refuse())
        isDown = !isDown
      },
    },
    {
      key: 'r',
      what: 'An oracle member takes another key: with its next signature the daemon tells the new allowlist',
      act: () => world.oracle.rotate(),
    },
  ]
}
