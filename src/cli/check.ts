import { CommandError, type ExitCode, type Surroundings } from './surroundings.ts'

export type CheckOptions = {
  /** First block of the requests to be told about; as the daemon looks back, unless given. */
  readonly fromBlock: number | undefined
}

/** The command `check`. */
export async function runCheck(_options: CheckOptions, _s: Surroundings): Promise<ExitCode> {
  throw new CommandError('check: not there yet')
}
