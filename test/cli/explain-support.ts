import type { Story } from '../../src/cli/explain/story.ts'
import type { World } from '../support/world.ts'
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

/** The command, with the environment of a world. */
export function createExplain(worldOf: () => World) {
  const envOf = (more: NodeJS.ProcessEnv = {}) => worldOf().env({ JOB_INTERVAL: '384000', ...more })
  const explained = (who: number | string, more: NodeJS.ProcessEnv = {}, ...flags: string[]) =>
    explainHere([String(who), ...flags], envOf(more))
  return {
    envOf,
    explained,
    /** As a process of its own. */
    explain: (who: number | string, more: NodeJS.ProcessEnv = {}, ...flags: string[]) =>
      startExplain([String(who), ...flags], envOf(more), worldOf().home).ended,
    async storyOf(who: number | string, more: NodeJS.ProcessEnv = {}): Promise<Story> {
      const { stdout } = await explained(who, more, '--json')
      return JSON.parse(stdout)
    },
  }
}
