import type { Screen } from './screen.ts'

/** What a key does, in words for the menu. */
export type Action = {
  readonly key: string
  readonly what: string
  readonly act: () => Promise<void>
}

const CTRL_C = '\u0003'

/**
 * Takes single keys from a terminal and does one thing at a time. `q` and Ctrl-C quit.
 *
 * @returns whether there is a terminal to take keys from
 */
export function takeKeys(screen: Screen, actions: readonly Action[], quit: () => void): boolean {
  const { stdin } = process
  if (!stdin.isTTY) return false
  let last = Promise.resolve()

  async function press(key: string): Promise<void> {
    if (key === 'q' || key === CTRL_C) return quit()
    const action = actions.find((one) => one.key === key)
    if (action === undefined) return screen.say(menuOf(actions))
    screen.heading(action.what)
    await action.act().catch((error: unknown) => screen.bad(String(error)))
  }

  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.on('data', (keys) => {
    for (const key of String(keys)) last = last.then(() => press(key))
  })
  stdin.resume()
  screen.say(menuOf(actions))
  return true
}

const menuOf = (actions: readonly Action[]) =>
  ['', ...actions.map(({ key, what }) => `  ${key}  ${what}`), '  q  Quit', ''].join('\n')
