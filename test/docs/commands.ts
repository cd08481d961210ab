import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createWorld, type World } from '../support/world.ts'
import { type Block, missingLines, readBlocks } from './blocks.ts'
import { createShell } from './shell.ts'

/**
 * Runs the commands of the README in a fresh clone, as a newcomer would, and compares what they
 * print with what it shows. In place of real nodes there are simulated ones, one request with a
 * message and one without.
 */
async function main(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'readme-'))
  const world = await createWorld()
  const clone = join(home, 'clone')
  const shell = createShell(clone, toolsIn(home))
  try {
    makeClone(process.cwd(), clone)
    world.writeMessage(1)
    world.ask(world.requestOf(1), world.requestOf(2))
    for (const block of ['README.md', 'messages/README.md'].flatMap((path) =>
      readBlocks(readFileSync(join(clone, path), 'utf8')),
    )) {
      if (block.run !== 'here') continue
      if (block.commands.some((command) => /DRY_RUN| check$/.test(command))) fillIn(clone, world)
      if (block.commands.some((command) => command.includes('encrypt'))) layOut(clone, world)
      await runBlock(block, shell)
    }
    await shell.stop()
    if (world.consensus.postedExits().length > 0) throw new Error('a rehearsal submitted exits')
    console.log('the README is right')
  } finally {
    await shell.stop()
    await world.close()
    rmSync(home, { recursive: true, force: true })
  }
}

async function runBlock(block: Block, shell: ReturnType<typeof createShell>): Promise<void> {
  const last = block.commands.at(-1)
  for (const command of block.commands) {
    console.log(`$ ${command}`)
    const shown = command === last ? block.output : []
    const { output, code } = await shell.run(
      command,
      (printed) => shown.length > 0 && missingLines(shown, printed).length === 0,
    )
    const missing = missingLines(shown, output)
    const wanted = command === last ? block.exitCode : 0
    // No code: what it shows was printed, and it runs on.
    if (missing.length === 0 && (code === wanted || code === undefined)) continue
    console.log(output)
    for (const line of missing) console.log(`NOT PRINTED: ${line}`)
    throw new Error(`${command}: ended with ${code}, ${missing.length} lines are not as shown`)
  }
}

/** What is committed, with what is not on top: a change is tried before it is committed, too. */
function makeClone(repository: string, clone: string): void {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository }).toString()
  git('clone', '--quiet', repository, clone)
  const changed = git('ls-files', '-z', '--modified', '--others', '--exclude-standard')
  const deleted = new Set(git('ls-files', '-z', '--deleted').split('\0'))
  for (const path of new Set(changed.split('\0').filter((name) => name !== ''))) {
    // A link of that name is no folder to git's ignore rules; what `npm ci` empties is its target.
    if (path === 'node_modules') continue
    mkdirSync(dirname(join(clone, path)), { recursive: true })
    if (deleted.has(path)) rmSync(join(clone, path), { force: true })
    else cpSync(join(repository, path), join(clone, path))
  }
}

/** "Fill them in, put your messages into `messages/`." */
function fillIn(clone: string, world: World): void {
  const values = world.env()
  const filled = readFileSync(join(clone, '.env'), 'utf8').replace(
    /^(EXECUTION_NODE|CONSENSUS_NODE|EJECTOR_SCOPE|NETWORK|ORACLE_ADDRESSES_ALLOWLIST)=.*$/gm,
    // The simulated chain is none that NETWORK knows.
    (_line, name: string) =>
      name === 'NETWORK' ? `LOCATOR_ADDRESS=${values.LOCATOR_ADDRESS}` : `${name}=${values[name]}`,
  )
  writeFileSync(join(clone, '.env'), filled)
  cpSync(world.folder, join(clone, 'messages'), { recursive: true })
}

/** What the command for encryption is said to find. */
function layOut(clone: string, world: World): void {
  mkdirSync(join(clone, 'plain'))
  writeFileSync(join(clone, 'plain', '3.json'), JSON.stringify(world.beacon.signExit(3)))
  writeFileSync(join(clone, 'password.txt'), 'a password for this folder', { mode: 0o600 })
}

/** A `curl` for machines that have none: it stands last in the path. */
function toolsIn(home: string): string {
  const folder = join(home, 'bin')
  mkdirSync(folder)
  const script =
    'fetch(process.argv.at(-1)).then((r) => r.text()).then((t) => process.stdout.write(t))'
  writeFileSync(join(folder, 'curl'), `#!${process.execPath}\n${script}\n`, { mode: 0o755 })
  return folder
}

await main()
process.exit(0)
