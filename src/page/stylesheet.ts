/** The look of the page: system fonts, light and dark, from a phone to a wide screen. */
export const STYLESHEET = `:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #17202b; --soft: #566172; --line: #e1e5ea; --link: #1f5fbf;
  --well: #17703f; --well-paper: #e9f6ee; --look: #8a5600; --look-paper: #fdf3dc; --act: #b3261e; --act-paper: #fdecea;
  --shadow: 0 1px 2px rgb(23 32 43 / .06), 0 4px 16px rgb(23 32 43 / .04);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f141a; --card: #171e27; --ink: #e6eaf0; --soft: #9aa7b8; --line: #29323e; --link: #8ab8ff;
    --well: #6fd39b; --well-paper: #13291f; --look: #f2bd5a; --look-paper: #2d2411; --act: #ff9a90; --act-paper: #371a18;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
#page { max-width: 76rem; margin: 0 auto; padding: 1.25rem clamp(1rem, 3vw, 2rem) 4rem; }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; }
ul, ol { padding: 0; }
h1 { font-size: 1.05rem; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; font-weight: 650; letter-spacing: -.01em; }
h3 { font-size: .8rem; font-weight: 650; color: var(--soft); margin: 1.1rem 0 .4rem; }
a { color: var(--link); text-underline-offset: .15em; }
small, .note, .empty { color: var(--soft); font-size: .875rem; }
code { font: .85em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem 1rem; background: var(--card); border-radius: 0 0 8px 8px; z-index: 1; }
.skip:focus { top: 0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; justify-content: space-between; align-items: baseline; margin-bottom: 1rem; }

.banner { padding: .7rem 1rem; margin-bottom: .75rem; border-radius: 10px; border: 1px solid currentColor; }
.banner b { margin-right: .5rem; letter-spacing: .04em; }
.banner.act, .verdict.act, .pill.act { color: var(--act); background: var(--act-paper); }
.banner.look, .verdict.look, .pill.look { color: var(--look); background: var(--look-paper); }
.verdict.well, .pill.well { color: var(--well); background: var(--well-paper); }
#stale { max-width: 72rem; margin: 1rem auto 0; }
.stale #page { filter: grayscale(1); opacity: .6; }

.verdict { display: flex; gap: 1.1rem; align-items: flex-start; padding: clamp(1.1rem, 3vw, 1.75rem); border-radius: 16px; }
.verdict > .mark { width: 2.6rem; height: 2.6rem; }
.verdict h2 { font-size: clamp(1.35rem, 3.4vw, 1.9rem); line-height: 1.25; font-weight: 680; letter-spacing: -.02em; margin-top: .12rem; overflow-wrap: anywhere; }
.mark { flex: none; width: 1.15rem; height: 1.15rem; }
.mark circle { fill: currentColor; }
.mark path { fill: none; stroke: var(--card); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; }
.mark.well { color: var(--well); } .mark.look { color: var(--look); } .mark.act { color: var(--act); }
.verdict > div { min-width: 0; }
.remedy { color: var(--ink); margin-top: .3rem; overflow-wrap: anywhere; }
.findings { list-style: none; display: grid; gap: .35rem; margin-top: .9rem; }
.findings li { display: flex; gap: .6rem; align-items: center; }
.findings a { color: var(--ink); overflow-wrap: anywhere; }

.tiles { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: .75rem 0; }
.tiles a { display: grid; align-content: start; height: 100%; padding: .9rem 1.1rem; background: var(--card); border-radius: 12px; box-shadow: var(--shadow); color: inherit; text-decoration: none; border: 1px solid var(--line); }
.tiles a:hover { border-color: var(--soft); }
.tiles span { color: var(--soft); font-size: .875rem; }
.tiles b { font-size: 1.6rem; line-height: 1.3; font-weight: 650; letter-spacing: -.02em; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 1.1rem 1.25rem 1.25rem; margin-bottom: .75rem; min-width: 0; break-inside: avoid; }
.card-head { display: flex; flex-wrap: wrap; gap: .1rem 1rem; justify-content: space-between; align-items: baseline; margin-bottom: .5rem; }
.columns { columns: 2 30rem; column-gap: .75rem; }

.rows { list-style: none; }
.rows > li { border-top: 1px solid var(--line); }
.rows > li:first-child { border-top: 0; }
.row { display: grid; grid-template-columns: minmax(9rem, 1.3fr) minmax(0, 2fr) minmax(4rem, 1.4fr) 10.5rem 1rem; gap: .25rem 1rem; align-items: center; padding: .6rem .25rem; list-style: none; cursor: pointer; border-radius: 6px; color: inherit; text-decoration: none; }
.columns .row { grid-template-columns: minmax(8rem, 1fr) auto 7rem 1rem; }
.row::-webkit-details-marker { display: none; }
.row::after { content: ""; grid-column: -2; grid-row: 1; justify-self: end; width: .45rem; height: .45rem; border: solid var(--soft); border-width: 0 2px 2px 0; transform: rotate(45deg) translate(-2px, -2px); }
.rows [open] > .row::after { transform: rotate(-135deg) translate(-2px, -2px); }
a.row::after { transform: rotate(-45deg); }
.row:hover { background: var(--paper); }
.who { display: grid; min-width: 0; overflow-wrap: anywhere; }
.who small { font-size: .8rem; }
.pill { justify-self: start; display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .875rem; font-weight: 550; overflow-wrap: anywhere; }
.left { text-align: right; font-size: .9rem; }
.left time { white-space: nowrap; }
progress { appearance: none; width: 100%; height: .45rem; border: 0; border-radius: 99px; background: var(--line); color: var(--well); overflow: hidden; }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: currentColor; border-radius: 99px; }
progress::-moz-progress-bar { background: currentColor; border-radius: 99px; }
progress.look { color: var(--look); } progress.act { color: var(--act); }
.story { padding: .25rem .25rem 1rem; font-size: .9rem; overflow-wrap: anywhere; }
.story > code { color: var(--soft); }
.story ol { list-style: none; margin: .6rem 0; border-left: 2px solid var(--line); padding-left: 1rem; display: grid; gap: .3rem; }
.story time { color: var(--soft); }

.runway { padding: .8rem 0; }
.runway-head { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; justify-content: space-between; margin-bottom: .5rem; }
.figure { display: flex; gap: .5rem; align-items: baseline; }
.figure b { font-size: 1.35rem; letter-spacing: -.02em; }
.runway details { margin-top: .5rem; }
.runway summary { padding: .25rem; width: fit-content; cursor: pointer; }
.keys, .plain { list-style: none; display: grid; gap: .35rem; font-size: .9rem; overflow-wrap: anywhere; }
button { font: inherit; font-size: .875rem; padding: .35rem .9rem; margin: .4rem 0; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: var(--ink); cursor: pointer; }
button:hover { border-color: var(--soft); }
[hidden] { display: none !important; }

table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
tbody th, td small { overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .8rem; }
tbody th { font-weight: 600; }
td .pill { white-space: nowrap; }
td small, th small { display: block; font-weight: 400; }
.wide td, .wide thead th:not(:first-child) { text-align: right; }
.late td:nth-child(4) { color: var(--act); font-weight: 650; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem 1.25rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { overflow-wrap: anywhere; font-weight: 550; }

@media (max-width: 44rem) {
  .row, .columns .row { grid-template-columns: minmax(0, 1fr) auto 1rem; }
  .row .pill { grid-row: 2; grid-column: 1 / -1; }
  .row progress { grid-row: 3; grid-column: 1 / -1; }
  .row .left { grid-row: 1; grid-column: 2; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .verdict { gap: .8rem; }
  .verdict > .mark { width: 2rem; height: 2rem; }
}
@media (prefers-reduced-motion: no-preference) { progress::-webkit-progress-value { transition: width .3s; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print { .skip, button { display: none; } .card { box-shadow: none; } }
`
