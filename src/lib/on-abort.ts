type Callbacks = { readonly callbacks: Set<() => void>; readonly listener: () => void }

const groups = new WeakMap<AbortSignal, Callbacks>()

/**
 * Calls `callback` once when `signal` fires, or at once if it has. All callbacks of one signal
 * share one listener: thousands of jobs may hang on the same signal.
 *
 * @returns a function that takes the callback back
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback()
    return () => {}
  }
  const group = groups.get(signal) ?? startGroup(signal)
  group.callbacks.add(callback)
  return () => {
    group.callbacks.delete(callback)
    if (group.callbacks.size > 0 || groups.get(signal) !== group) return
    signal.removeEventListener('abort', group.listener)
    groups.delete(signal)
  }
}

function startGroup(signal: AbortSignal): Callbacks {
  const callbacks = new Set<() => void>()
  const listener = () => {
    groups.delete(signal)
    for (const callback of callbacks) callback()
  }
  const group = { callbacks, listener }
  groups.set(signal, group)
  signal.addEventListener('abort', listener, { once: true })
  return group
}

/** What is under way goes on, but nobody waits for it once `signal` fires: its reason is thrown. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const settled = onAbort(signal, () => reject(signal.reason))
    work.then(resolve, reject).finally(settled)
  })
}
