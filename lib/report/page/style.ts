const LIGHT_FIGURE =
  '--fig-ink: #333333; --fig-quiet: #555555; --fig-grid: #e3e3e3; --fig-paper: #ffffff; --fig-blue: #0072b2; --fig-vermilion: #d55e00; --fig-grey: #bbbbbb;';

/**
 * The page's only style sheet. Colours are variables, so that light, dark and print differ in one place, the drawn
 * figures included (see figure.ts).
 */
export const STYLE_SHEET = `
:root { color-scheme: light dark;
  --page: #ffffff; --ink: #222222; --quiet: #5a5a5a; --line: #d9d9d9; --soft: #f4f4f2; --link: #0a5c97; --mark: #a63f00; --mark-bg: #fdeee4;
  ${LIGHT_FIGURE} }
@media (prefers-color-scheme: dark) { :root {
  --page: #16181b; --ink: #e4e4e2; --quiet: #a8a8a4; --line: #3a3d42; --soft: #1f2226; --link: #7cc4f5; --mark: #ffab75; --mark-bg: #3a2417;
  --fig-ink: #dcdcda; --fig-quiet: #b4b4b0; --fig-grid: #34373c; --fig-paper: #16181b; --fig-blue: #3a92cc; --fig-vermilion: #dd6f2f; --fig-grey: #777a7e; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, footer { max-width: 80rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 2.8rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
p, li, dd { max-width: 46rem; }
a { color: var(--link); }
.subject, .note { color: var(--quiet); }
.note { font-size: .86rem; margin: .4rem 0 0; }
.warning { border-left: 4px solid var(--mark); background: var(--mark-bg); padding: .6rem .9rem; margin: 1rem 0; font-weight: 600; max-width: 46rem; }
.answer { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .4rem 1.1rem .6rem; margin: 1rem 0; max-width: 50rem; }
.answer p { margin: .6rem 0; font-size: 1.05rem; }
nav { margin: 1.2rem 0; }
nav ol { columns: 19rem; column-gap: 2.5rem; padding-left: 1.9rem; margin: .3rem 0; }
blockquote { margin: .6rem 0; padding-left: .9rem; border-left: 3px solid var(--line); max-width: 46rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; }
figure { margin: 1.6rem 0; }
figcaption { font-weight: 600; margin-bottom: .45rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .3rem; }
.scroll:focus-visible, .drawing:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .32rem .45rem; text-align: left; vertical-align: top; }
thead { background: var(--soft); } thead th { vertical-align: bottom; line-height: 1.25; }
thead th[scope=colgroup] { text-align: center; border-bottom: 1px solid var(--line); }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 400; } tbody th[scope=row] { white-space: nowrap; position: sticky; left: 0; background: var(--page); } tr.whole th, tr.whole td { font-weight: 600; } tr.part th { padding-left: 1.5rem; }
td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
.ci { color: var(--quiet); font-weight: 400; }
.drawing { overflow-x: auto; } .drawing svg { display: block; width: 100%; min-width: 40rem; max-width: 900px; height: auto; margin-left: -.4rem; }
.pairs td { width: 50%; overflow-wrap: anywhere; } .pairs th { font-weight: 600; }
mark { background: var(--mark-bg); color: var(--mark); font-weight: 600; padding: 0 .1em; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--link); }
footer { margin-top: 3rem; padding-bottom: 3rem; color: var(--quiet); font-size: .86rem; }
@media (max-width: 40rem) { h1 { font-size: 1.5rem; } dl { display: block; } dd { margin-bottom: .5rem; } }
@media print {
  :root { color-scheme: light; --page: #ffffff; --ink: #000000; --quiet: #444444; --line: #bbbbbb; --soft: #f4f4f4; --link: #000000; --mark: #8a3300; --mark-bg: #f6ece5;
    ${LIGHT_FIGURE} }
  body { font-size: 10pt; } main, header, footer { max-width: none; padding: 0; }
  nav { display: none; } h2 { break-after: avoid; } figcaption { break-after: avoid; } tr, .drawing, .answer { break-inside: avoid; }
  .scroll { overflow: visible; border: 0; } table { font-size: 7.2pt; } th, td { padding: .14rem .26rem; } td.n, tbody th[scope=row] { white-space: normal; position: static; } .ci { display: block; white-space: nowrap; }
  .drawing { overflow: visible; } .drawing svg { min-width: 0; width: 100%; }
  @page { size: A4; margin: 14mm; }
}
`;
