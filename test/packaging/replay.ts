import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Exec, Stage, Step } from './dockerfile.ts'

type Env = Readonly<Record<string, string | undefined>>

type Workshop = {
  /** Empty folder that the stages are built in. */
  readonly home: string
  readonly repository: string
  readonly isKept: (path: string) => boolean
  /** Runs the commands; ourselves if absent. */
  readonly user: number | undefined
  readonly env: Env
}

/** What an image would hold. */
export type Replayed = {
  /** Where a path of the image is on this machine. */
  readonly at: (path: string) => string
  readonly workdir: string
  readonly env: Env
  readonly entrypoint: Exec
  /** What follows it, unless a container is started with something else. */
  readonly command: Exec
  readonly healthcheck: Exec
}

/** Folders that the base image brings. */
const BASE_FOLDERS = ['tmp']

export function replayStages(stages: readonly Stage[], workshop: Workshop): Replayed {
  const built = new Map<string, Replayed>()
  let last: Replayed | undefined
  for (const stage of stages) {
    console.log(`--- FROM ${stage.base}${stage.name === undefined ? '' : ` AS ${stage.name}`}`)
    last = replayStage(stage, built, workshop)
    if (stage.name !== undefined) built.set(stage.name, last)
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage')
  return last
}

function replayStage(
  stage: Stage,
  built: ReadonlyMap<string, Replayed>,
  workshop: Workshop,
): Replayed {
  const root = join(workshop.home, stage.name ?? 'image')
  const at = (path: string) => join(root, path)
  const run = runnerOf(workshop)
  for (const folder of BASE_FOLDERS) run(['mkdir', '-p', at(folder)], workshop.home, {})
  let workdir = '/'
  let env: Env = {}
  let entrypoint: Exec = []
  let command: Exec = []
  let healthcheck: Exec = []
  const inWorkdir = (path: string) => at(path.startsWith('/') ? path : `${workdir}/${path}`)

  function take(step: Step): void {
    switch (step.kind) {
      case 'workdir':
        workdir = step.path
        run(['mkdir', '-p', at(workdir)], workshop.home, {})
        return
      case 'run':
        // Paths of the image are below our folder.
        run(['sh', '-ec', step.command.replace(/(^|\s)\/(?=\w)/g, `$1${root}/`)], at(workdir), env)
        return
      case 'copy':
        copy(step)
        return
      case 'env':
        env = { ...env, [step.name]: step.value }
        return
      case 'healthcheck':
        healthcheck = step.command
        return
      case 'entrypoint':
        entrypoint = step.command
        return
      case 'cmd':
        command = step.command
        return
      case 'user':
        if (['root', '0'].includes(step.user)) throw new Error('the image runs as root')
        return
      case 'label':
      case 'expose':
        return
    }
  }

  function copy({ from, sources, target }: Extract<Step, { kind: 'copy' }>): void {
    for (const source of sources) {
      const path = sourcePath(source, from)
      if (!existsSync(path)) throw new Error(`COPY: ${source} does not exist`)
      const isFolder = statSync(path).isDirectory()
      // As Docker does: the content of a folder, and a file into a folder.
      const to =
        isFolder || !target.endsWith('/')
          ? inWorkdir(target)
          : join(inWorkdir(target), basename(path))
      run(['cp', '-R', isFolder ? `${path}/.` : path, prepared(to, isFolder)], workshop.home, {})
    }
  }

  function sourcePath(source: string, from: string | undefined): string {
    if (from !== undefined) {
      const stage = built.get(from)
      if (stage === undefined) throw new Error(`COPY: no stage ${from}`)
      return stage.at(source)
    }
    if (!workshop.isKept(source)) throw new Error(`COPY: .dockerignore leaves ${source} out`)
    // The repository may not be readable for who builds.
    const staged = join(workshop.home, 'context', source)
    mkdirSync(join(staged, '..'), { recursive: true })
    cpSync(join(workshop.repository, source), staged, { recursive: true })
    return staged
  }

  function prepared(to: string, isFolder: boolean): string {
    run(['mkdir', '-p', isFolder ? to : join(to, '..')], workshop.home, {})
    return to
  }

  for (const step of stage.steps) take(step)
  return { at, workdir: at(workdir), env, entrypoint, command, healthcheck }
}

function runnerOf({ user, env }: Workshop) {
  return (command: Exec, cwd: string, more: Env): void => {
    const [program = '', ...args] = command
    if (program === 'sh') console.log(`RUN ${args.at(-1)}`)
    execFileSync(program, args, {
      cwd,
      env: { ...env, ...more },
      stdio: ['ignore', 'inherit', 'inherit'],
      ...(user === undefined ? {} : { uid: user, gid: user }),
    })
  }
}
