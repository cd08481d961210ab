import { type Ended, runHere, startCommand } from './command.ts'

export type { Ended }

/** The built command as a process of its own, with exactly this environment. */
export const startExplain = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) =>
  startCommand(['explain', ...args], env, cwd)

/** The same command in this process, which spares a start of Node. */
export const explainHere = (
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  now?: () => number,
): Promise<Ended> => runHere(['explain', ...args], env, now)

/** Lines under a title, without their indent. */
export function paragraph({ stdout }: Pick<Ended, 'stdout'>, title: string): readonly string[] {
  const [, found = ''] = new RegExp(`^${title}\\n((?:  .*\\n)+)`, 'm').exec(stdout) ?? []
  return found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(2))
}
