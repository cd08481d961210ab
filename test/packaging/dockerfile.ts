export type Step =
  | { readonly kind: 'workdir'; readonly path: string }
  | { readonly kind: 'run'; readonly command: string }
  | {
      readonly kind: 'copy'
      readonly from: string | undefined
      readonly sources: readonly string[]
      readonly target: string
    }
  | { readonly kind: 'env'; readonly name: string; readonly value: string }
  | { readonly kind: 'label'; readonly text: string }
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'expose'; readonly port: string }
  | { readonly kind: 'healthcheck'; readonly options: readonly string[]; readonly command: Exec }
  | { readonly kind: 'entrypoint' | 'cmd'; readonly command: Exec }

/** Program and arguments, without a shell. */
export type Exec = readonly string[]

export type Stage = {
  readonly base: string
  readonly name: string | undefined
  readonly steps: readonly Step[]
}

/**
 * Reads the part of the Dockerfile language that ours needs.
 *
 * @throws on everything else, so that nothing is passed over in silence
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: (Stage & { steps: Step[] })[] = []
  for (const line of logicalLines(text)) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (instruction === 'FROM') {
      const [, base, name] = /^([\w./:-]+)(?: AS ([\w-]+))?$/.exec(rest) ?? unknown(line)
      stages.push({ base: `${base}`, name, steps: [] })
    } else {
      const stage = stages.at(-1) ?? unknown(line)
      stage.steps.push(readStep(instruction, rest, line))
    }
  }
  return stages
}

/** Comments gone, continued lines joined. */
const logicalLines = (text: string) =>
  text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')

function readStep(instruction: string, rest: string, line: string): Step {
  switch (instruction) {
    case 'WORKDIR':
      return { kind: 'workdir', path: rest }
    case 'RUN':
      return rest.startsWith('-') || rest.startsWith('[')
        ? unknown(line)
        : { kind: 'run', command: rest }
    case 'COPY':
      return readCopy(rest, line)
    case 'ENV': {
      const [, name, value] = /^([A-Z_]+)=([\w./-]+)$/.exec(rest) ?? unknown(line)
      return { kind: 'env', name: `${name}`, value: `${value}` }
    }
    case 'LABEL':
      return { kind: 'label', text: rest }
    case 'USER':
      return { kind: 'user', user: rest }
    case 'EXPOSE':
      return { kind: 'expose', port: rest }
    case 'HEALTHCHECK': {
      const [, options = '', command = ''] =
        /^((?:--[\w=-]+ )*)CMD (.*)$/.exec(rest) ?? unknown(line)
      const list = options.split(' ').filter((option) => option !== '')
      return { kind: 'healthcheck', options: list, command: readExec(command, line) }
    }
    case 'ENTRYPOINT':
      return { kind: 'entrypoint', command: readExec(rest, line) }
    case 'CMD':
      return { kind: 'cmd', command: readExec(rest, line) }
    default:
      return unknown(line)
  }
}

function readCopy(rest: string, line: string): Step {
  const [, from, paths = ''] = /^(?:--from=([\w-]+) )?((?!--).*)$/.exec(rest) ?? unknown(line)
  const words = paths.split(/\s+/)
  const target = words.at(-1)
  if (words.length < 2 || target === undefined) return unknown(line)
  return { kind: 'copy', from, sources: words.slice(0, -1), target }
}

/** The shell form would hide signals from the daemon. */
function readExec(text: string, line: string): Exec {
  const words: unknown = text.startsWith('[') ? JSON.parse(text) : unknown(line)
  const isExec = Array.isArray(words) && words.every((word) => typeof word === 'string')
  return isExec && words.length > 0 ? words : unknown(line)
}

function unknown(line: string): never {
  throw new Error(`not understood in the Dockerfile: ${line}`)
}

/** Which paths of the repository a build gets to see. Knows `*` and `!name` only. */
export function parseDockerignore(text: string): (path: string) => boolean {
  const [first, ...rest] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const kept = rest.map((line) => /^!([\w.-]+)$/.exec(line)?.[1] ?? unknown(line))
  if (first !== '*') throw new Error('.dockerignore does not begin with *')
  return (path) => kept.some((name) => path === name || path.startsWith(`${name}/`))
}
