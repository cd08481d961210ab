/** `failure`: the daemon would not do its job. `warning`: it would, and this is worth a look. */
export type Status = 'ok' | 'warning' | 'failure'

/** One thing that was looked at. */
export type Finding = {
  /** Of the kind of check: the same for each node. */
  readonly id: string
  readonly status: Status
  readonly title: string
  readonly detail: string
  /** What to do about it; `null` where there is nothing to do. */
  readonly remedy: string | null
}

type Told = Pick<Finding, 'id' | 'title' | 'detail'>

export const ok = (id: string, title: string, detail: string): Finding => ({
  id,
  status: 'ok',
  title,
  detail,
  remedy: null,
})

export const warning = ({ id, ...told }: Told & { readonly remedy: string }): Finding => ({
  id,
  status: 'warning',
  ...told,
})

export const failure = ({ id, ...told }: Told & { readonly remedy: string }): Finding => ({
  id,
  status: 'failure',
  ...told,
})

/** Of one node among several: as long as another one serves, the daemon does its job. */
export const unlessAnother = (
  isAnotherGood: boolean,
  told: Told & { readonly remedy: string },
): Finding => (isAnotherGood ? warning(told) : failure(told))
