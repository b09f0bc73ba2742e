/** Styles of the comparison page in addition to those of all pages (src/report/page/page.css). */
export const STYLE = `
:root { --a: light-dark(#0072b2, #3f9fdc); --b: light-dark(#b34d00, #ef7b2e); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; margin-top: 1.5rem; }
.sides > div { padding: 0.7rem 1rem; border-top: 4px solid; background: var(--raised); }
.sides .a { border-color: var(--a); }
.sides .b { border-color: var(--b); }
.sides b { display: block; overflow-wrap: anywhere; }
.sides small { display: block; }
.range svg { width: 13rem; height: 1.25rem; vertical-align: middle; }
.range .axis { stroke: var(--soft); }
.range .bar { stroke-width: 5; opacity: 0.45; }
.range .better { stroke: var(--good); fill: var(--good); }
.range .worse { stroke: var(--bad); fill: var(--bad); }
.range .same { stroke: var(--unknown); fill: var(--unknown); }
.chart-frame { display: grid; grid-template: 15rem 1.5rem / 3.6rem 1fr; font-size: 0.75rem; color: var(--soft); }
.chart-frame svg { width: 100%; height: 100%; border-bottom: 1px solid var(--soft); border-left: 1px solid var(--soft); }
.y-words, .x-words { position: relative; }
.x-words { grid-column: 2; }
.y-words span { position: absolute; right: 0.4rem; transform: translateY(-50%); white-space: nowrap; }
.x-words span { position: absolute; top: 0.2rem; transform: translateX(-50%); white-space: nowrap; }
.x-words span:last-child:not(:first-child) { transform: translateX(-80%); }
.grid { stroke: var(--line); fill: none; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.a { stroke: var(--a); }
.line.b { stroke: var(--b); }
.line.dashed { stroke-dasharray: 5 3; stroke-width: 1.3; }
.shade { opacity: 0.16; }
.shade.a { fill: var(--a); }
.shade.b { fill: var(--b); }
.keys { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0 0 0.5rem; padding: 0; list-style: none; font-size: 0.8rem; }
.keys svg { width: 1.5rem; height: 0.5rem; margin-right: 0.4rem; }
.groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1.75rem 2.5rem; margin-top: 1.5rem; }
.groups .part { margin: 0; min-width: 0; }
.judged .soft { white-space: nowrap; }
@media (max-width: 40rem) { .judged :is(th, td), .groups :is(th, td) { padding-right: 0.7rem; } .judged tbody th, .groups tbody th { min-width: 5.5rem; } }
@media print { .chart-frame, .part { break-inside: avoid; } }
`;
