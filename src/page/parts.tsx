import type { ComponentChildren } from 'preact'
import { describeTimeLeft } from '../requests/deadlines.ts'
import type { Section } from './conditions.ts'
import type { Level } from './judgement.ts'

/** `2026-11-20 09:25:11 UTC`. */
export const exactTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`

/**
 * `2 d 3 h ago`, `in 20 min`; the exact time is its title.
 *
 * @param now - ISO 8601
 */
export function When({ at, now }: { readonly at: string; readonly now: string }) {
  const seconds = Math.round((Date.parse(at) - Date.parse(now)) / 1_000)
  const span = describeTimeLeft(Math.abs(seconds))
  const text = Math.abs(seconds) < 60 ? 'just now' : seconds < 0 ? `${span} ago` : `in ${span}`
  return (
    <time dateTime={at} title={exactTime(at)}>
      {text}
    </time>
  )
}

const PATHS: Readonly<Record<Level, string>> = {
  well: 'M5 12.5l4.5 4.5L19 7.5',
  look: 'M12 6v7.5M12 17.2v.6',
  act: 'M7 7l10 10M17 7L7 17',
}

/** A shape for each level, so that nobody depends on its colour. */
export function Mark({ level }: { readonly level: Level }) {
  return (
    <svg class={`mark ${level}`} viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="12" />
      <path d={PATHS[level]} />
    </svg>
  )
}

type CardProps = {
  readonly id: Section | 'exits' | 'modules'
  readonly title: string
  /** Beside the title. */
  readonly note?: ComponentChildren
  readonly children: ComponentChildren
}

export function Card({ id, title, note, children }: CardProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} class="card">
      <div class="card-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
      </div>
      {children}
    </section>
  )
}

/** Beside a list that is cut. */
export function More({ total, shown }: { readonly total: number; readonly shown: number }) {
  if (total <= shown) return null
  return <p class="note">{`${(total - shown).toLocaleString('en')} more are not shown.`}</p>
}

/** How much of something is there, from 0 to `max`. The text beside it says the same. */
export function Bar(props: { value: number; max: number; level: Level }) {
  const max = Math.max(props.max, 1)
  const value = Math.min(Math.max(props.value, 0), max)
  return <progress class={props.level} value={value} max={max} aria-hidden="true" />
}

/** Names beside values. */
export function Facts({
  rows,
}: {
  readonly rows: readonly (readonly [string, ComponentChildren])[]
}) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
