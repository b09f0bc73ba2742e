/** Styles of the comparison page in addition to those of all pages (src/report/page/page.css). */
import { css } from '../render/html/palette';
import { RUN_COLOURS } from './html-charts';

export const STYLE = `
:root { --a: ${css(RUN_COLOURS.a)}; --b: ${css(RUN_COLOURS.b)}; }
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
.groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1.75rem 2.5rem; margin-top: 1.5rem; }
.groups .part { margin: 0; min-width: 0; }
.judged .soft { white-space: nowrap; }
@media (max-width: 40rem) { .judged :is(th, td), .groups :is(th, td) { padding-right: 0.7rem; } .judged tbody th, .groups tbody th { min-width: 5.5rem; } }
@media print { .part { break-inside: avoid; } }
`;
