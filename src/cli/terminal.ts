import { Presets, SingleBar } from 'cli-progress'
import pico from 'picocolors'
import type { Environment } from '../config/environment.ts'
import { mapTexts } from '../lib/map-texts.ts'
import { createRedactor } from '../lib/secret.ts'
import type { Bar, Terminal } from './context.ts'

type Stream = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean }

/** Where nobody watches, work that takes long says how far it is this often. */
const LINE_EVERY_MS = 5_000

/** Back to the start of the line, and what is on it goes. */
const CLEAR_LINE = '\r\u001b[K'

/** Standard output and error: colours and bars where a terminal shows them, plain lines elsewhere. */
export function createTerminal(stdout: Stream, stderr: Stream, env: Environment): Terminal {
  const hidden = new Set<string>()
  let redact = createRedactor([])
  let drawn: SingleBar | undefined

  function write(stream: Stream, line: string): void {
    if (drawn !== undefined) stderr.write(CLEAR_LINE)
    stream.write(`${line}\n`)
  }

  function draw(what: string, total: number): Bar {
    const bar = new SingleBar(
      {
        format: `${what} {bar} {value}/{total}`,
        stream: stderr as NodeJS.WriteStream,
        clearOnComplete: true,
        // The process edge deals with signals.
        gracefulExit: false,
        forceRedraw: true,
        barsize: 30,
      },
      Presets.shades_classic,
    )
    drawn = bar
    bar.start(total, 0)
    return {
      set(done, now) {
        if (now !== undefined) bar.setTotal(now)
        bar.update(done)
      },
      end() {
        if (drawn !== bar) return
        bar.stop()
        drawn = undefined
      },
    }
  }

  function tellInLines(what: string, total: number): Bar {
    let of = total
    let saidAt = performance.now()
    return {
      set(done, now) {
        of = now ?? of
        if (performance.now() - saidAt < LINE_EVERY_MS || done >= of) return
        saidAt = performance.now()
        write(stderr, redact(`${what}: ${done} of ${of}`))
      },
      end() {},
    }
  }

  const isDrawn = stderr.isTTY === true && env.TERM !== 'dumb'
  return {
    out: (line) => write(stdout, redact(line)),
    exact: (line) => write(stdout, line),
    // Masked text by text: what looks like a secret across values would break it.
    json: (value) => write(stdout, JSON.stringify(mapTexts(value, redact), asText, 2)),
    err: (line) => write(stderr, redact(line)),
    isTty: stdout.isTTY === true,
    colour: pico.createColors(hasColour(stdout, env)),
    errColour: pico.createColors(hasColour(stderr, env)),
    bar: isDrawn ? draw : tellInLines,
    hide(secrets) {
      for (const secret of secrets) hidden.add(secret)
      redact = createRedactor([...hidden])
    },
    redact: (text) => redact(text),
  }
}

/** JSON has no such numbers. */
const asText = (_key: string, one: unknown) => (typeof one === 'bigint' ? String(one) : one)

/** @see https://no-color.org */
function hasColour(stream: Stream, env: Environment): boolean {
  if (env.NO_COLOR) return false
  return stream.isTTY === true && env.TERM !== 'dumb'
}
