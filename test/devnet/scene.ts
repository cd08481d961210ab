import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, startDaemon } from './daemon.ts'
import { keystoreOf, signExit } from './exit-messages.ts'
import { type ExitRecord, QUORUM } from './protocol.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'
import { CLI_MAIN, DAEMON_MAIN, type World } from './world.ts'

export const PASSWORD = 'correct horse battery staple'
const OUR_OPERATORS = { 1: [10], 2: [20] }
export const OURS_IN_MODULE_1 = { moduleId: 1, operatorId: 10 }
export const OURS_IN_MODULE_2 = { moduleId: 2, operatorId: 20 }
/** Its id is ours, too, but in another module. */
export const ANOTHER_OPERATOR = { moduleId: 1, operatorId: 20 }

const EXIT_DEADLINE_MS = 90_000
/** The registry may be asked about its finalized state, which comes a few epochs later. */
const METRIC_DEADLINE_MS = 120_000

/** Of one operator: exits that are under way or not begun, and those that a block holds. */
type WatchedExits = { readonly open: number; readonly done: number }
type WatchReport = {
  readonly operators: {
    readonly rows: readonly {
      readonly module: number
      readonly operator: number
      readonly watched: WatchedExits
    }[]
  }
}

export type Scene = Awaited<ReturnType<typeof createScene>>

/** The daemon's surroundings as its operator and the protocol see them, and what can be checked. */
export async function createScene(stage: Stage, world: World, signal: AbortSignal) {
  const { beacon, network, protocol, recorder } = world
  const validators = await beacon.validators()
  const signatures: string[] = []
  const messages = join(stage.folder, 'messages')
  mkdirSync(messages)

  const settings = (allowedTransaction: string, more: Readonly<Record<string, string>> = {}) => ({
    EXECUTION_NODE: world.executionUrl,
    CONSENSUS_NODE: recorder.url,
    LOCATOR_ADDRESS: protocol.locator,
    EJECTOR_SCOPE: JSON.stringify(OUR_OPERATORS),
    MESSAGES_LOCATION: messages,
    MESSAGES_PASSWORD: PASSWORD,
    ORACLE_ADDRESSES_ALLOWLIST: JSON.stringify(protocol.allowlist),
    ORACLE_QUORUM: String(QUORUM),
    SUBMIT_TX_HASH_ALLOWLIST: JSON.stringify([allowedTransaction]),
    STATE_FILE: join(stage.folder, 'state.sqlite'),
    EXIT_BUS_ADDRESS: protocol.exitBus,
    ...more,
  })

  /** @returns a folder with the keystore of this validator, and its password */
  async function keysOf(index: number): Promise<string> {
    const keys = join(stage.folder, `keys-${index}`)
    mkdirSync(keys)
    const keystore = await keystoreOf(index, validators[index]!.pubkey, PASSWORD)
    writeFileSync(join(keys, 'keystore.json'), keystore)
    writeFileSync(join(keys, 'keystore.txt'), PASSWORD)
    return keys
  }

  async function command(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    const child = stage.launch(args[0] ?? '', process.execPath, [CLI_MAIN, ...args], {
      cwd: stage.folder,
      env,
      ends: true,
    })
    assert.equal(await child.ended, 0, child.output())
    return child.output()
  }

  return {
    /** One line of a report. */
    record: (
      operator: { readonly moduleId: number; readonly operatorId: number },
      validatorIndex: number,
    ): ExitRecord => ({ ...operator, validatorIndex, pubkey: validators[validatorIndex]!.pubkey }),

    sign(index: number) {
      const message = signExit(index, network)
      signatures.push(message.signature)
      return message
    },

    /** The command makes the message, encrypted, where the daemon looks for it. */
    async signByCommand(index: number) {
      const keys = await keysOf(index)
      const env = { CONSENSUS_NODE: recorder.url, MESSAGES_PASSWORD: PASSWORD }
      await command(['sign', '--signer', keys, '--indices', String(index), messages], env)
    },

    /** `next` names this validator, and no other, as one that lacks a message; `sign` makes it. */
    async signNext({ moduleId, operatorId, validatorIndex }: ExitRecord, allowed: string) {
      const env = settings(allowed)
      const which = ['--missing', '--module', `${moduleId}`, '--operator', `${operatorId}`]
      const named = await command(['next', ...which, '--format', 'indices'], env)
      assert.equal(named.trim(), String(validatorIndex))
      await command(['sign', '--signer', await keysOf(validatorIndex), ...which, messages], env)
      assert.equal((await command(['next', ...which, '--format', 'indices'], env)).trim(), '')
    },

    putMessage: (name: string, content: string) => writeFileSync(join(messages, name), content),

    startDaemon: (
      name: string,
      allowedTransaction: string,
      more?: Readonly<Record<string, string>>,
    ) => startDaemon(stage, name, DAEMON_MAIN, settings(allowedTransaction, more), signal),

    /**
     * The preflight finds nothing wrong, and says this of each of these validators.
     *
     * With a quorum of 2 it would be right to complain: one member is not trusted, so some report
     * may lack a vote.
     */
    async expectCheck(
      allowedTransaction: string,
      verdicts: Readonly<Record<number, string>>,
      more: Readonly<Record<string, string>> = {},
    ) {
      const child = stage.launch('check', process.execPath, [CLI_MAIN, 'check', '--json'], {
        cwd: stage.folder,
        env: { ...settings(allowedTransaction, more), ORACLE_QUORUM: '1', HTTP_PORT: '0' },
        ends: true,
      })
      assert.equal(await child.ended, 0, child.output())
      const { requests } = JSON.parse(child.output()) as {
        requests: { validator: number; verdict: string }[]
      }
      // Whether an exit is final yet is a matter of seconds.
      const said = requests.map(({ validator, verdict }) => [
        validator,
        verdict === 'left' ? 'exiting' : verdict,
      ])
      assert.deepEqual(Object.fromEntries(said), verdicts)
    },

    /**
     * `watch --once`, with neither scope nor messages and proof by finality, sees every operator
     * that was asked, and what became of its exits.
     *
     * @param expected - by `module:operator`
     */
    expectWatch: (allowedTransaction: string, expected: Readonly<Record<string, WatchedExits>>) =>
      until('watch sees all of them', METRIC_DEADLINE_MS, signal, async () => {
        const { EJECTOR_SCOPE: _, STATE_FILE: __, ...env } = settings(allowedTransaction)
        const output = await command(['watch', '--once', '--json'], env)
        const { operators } = JSON.parse(output.slice(output.indexOf('{'))) as WatchReport
        const seen = operators.rows.map(({ module, operator, watched: { open, done } }) => [
          `${module}:${operator}`,
          { open, done },
        ])
        assert.deepEqual(Object.fromEntries(seen), expected)
      }),

    expectExiting: (...indices: number[]) =>
      until(`validators ${indices} exit`, EXIT_DEADLINE_MS, signal, async () => {
        const states = await beacon.validators()
        for (const index of indices) {
          assert.equal(states[index]?.status, 'active_exiting', `validator ${index}`)
        }
      }),

    async expectUntouched(indices: readonly number[]) {
      const states = await beacon.validators()
      for (const index of indices) {
        assert.equal(states[index]?.status, 'active_ongoing', `validator ${index}`)
        assert.ok(!recorder.submitted().includes(index), `the exit of ${index} was submitted`)
      }
    },

    expectMetric: (
      daemon: Daemon,
      name: string,
      labels: Readonly<Record<string, string>>,
      value: number,
    ) =>
      until(`${name} ${JSON.stringify(labels)}`, METRIC_DEADLINE_MS, signal, async () =>
        assert.equal(await daemon.metric(name, labels), value),
      ),

    expectNoSignatureIn(log: string) {
      for (const signature of signatures) {
        assert.ok(!log.includes(signature.slice(2)), 'the log holds the signature of an exit')
      }
    },
  }
}
