import {moment} from './format.ts';
import {type Content, type Html, html, jsonScript, trusted} from './html.ts';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Content;
}

/** No section if there is nothing in it. */
export function section(id: string, title: string, content: Content): readonly Section[] {
  return content === undefined ? [] : [{id, title, content}];
}

export interface ReportDocument {
  /** Of the study. */
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  /** Of limbeck. */
  readonly version: string;
  /** What the report is about, after the name. */
  readonly subject: string;
  /** Says in a sentence what was compared. */
  readonly setting: string;
  readonly sections: readonly Section[];
  /** All numbers, as JSON. */
  readonly results: unknown;
}

/** An HTML document that stands alone: no script runs, nothing is fetched. It carries its numbers as JSON in the element `results`. */
export function reportDocument(report: ReportDocument): string {
  const {name, version, subject, sections, results} = report;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="limbeck ${version}">
<link rel="icon" href="data:,">
<title>${name}: ${subject}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${header(report)}
<main>
${sections.map(
  ({id, title, content}) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}</section>
`,
)}</main>
<footer>Made by limbeck ${version}. The element <code>results</code> at the end of this file holds all its numbers as JSON.</footer>
<script type="application/json" id="results">${jsonScript(results)}</script>
</body>
</html>
`.text;
}

function header({name, finishedAt, setting, sections}: ReportDocument): Html {
  return html`<header>
<p class="eyebrow">Distillation study, ${moment(finishedAt)}</p>
<h1>${name}</h1>
<p class="setting">${setting}</p>
<nav aria-label="Sections"><ul>${sections.map(({id, title}) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>`;
}

/** Terms with what they are, in columns. */
export function factsList(facts: readonly (readonly [term: string, text: Content])[]): Html {
  return html`<dl class="facts">${facts.map(([term, text]) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`)}</dl>`;
}

/**
 * The report's style: no font and no image from elsewhere, light and dark, screen and paper, from 380 px up. The colours
 * of methods start from those of Okabe and Ito; each has a contrast of 3 to 1 with the paper, and the first six stay
 * apart (10 in Oklab, lightness from 0 to 100) with red-green blindness simulated as by Machado and others (2009).
 */
const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --panel-ground: #ffffff; --ink: #1b1d21; --muted: #5a5f68; --rule: #e2e3df; --faint: #cfd1cc;
  --accent: #0b6192; --heat: #0b4f7d; --teacher: #1b1d21; --good: #006b4c; --bad: #a63c00;
  --method-0: #0072b2; --method-1: #d55e00; --method-2: #00966b; --method-3: #8a1c4a;
  --method-4: #3b93c9; --method-5: #332288; --method-6: #7c6650; --method-7: #6b7280;
  --serif: Charter, 'Bitstream Charter', Cambria, Georgia, 'Times New Roman', serif;
  --sans: -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --panel-ground: #1b1e22; --ink: #e8e8e4; --muted: #a3a8b0; --rule: #33373d; --faint: #4a4f57;
    --accent: #7cc0ea; --heat: #8ccbf2; --teacher: #e8e8e4; --good: #4cc79c; --bad: #f08a4b;
    --method-0: #56a9e0; --method-1: #f0803c; --method-2: #35bd90; --method-3: #b5507f;
    --method-4: #b9e2fb; --method-5: #8266dd; --method-6: #c2a688; --method-7: #8b93a1;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 var(--serif); }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 56px; }
h1, h2, h3 { line-height: 1.2; font-weight: 600; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: 2.4rem; margin: 0.1em 0 0.25em; letter-spacing: -0.01em; }
h2 { font-size: 1.5rem; margin: 0 0 0.5em; }
h3 { font-size: 1.1rem; margin: 2em 0 0.5em; }
p, ul, dl { margin: 0 0 1em; }
p, li, figcaption, dd { max-width: 72ch; overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px; }
section { margin-top: 56px; padding-top: 28px; border-top: 1px solid var(--rule); }
.eyebrow { margin: 0; font: 600 0.8rem/1.4 var(--sans); letter-spacing: 0.04em; color: var(--muted); }
.setting { font-size: 1.15rem; color: var(--muted); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 0; list-style: none; font: 0.9rem/1.6 var(--sans); }
.headline { font-size: 1.4rem; line-height: 1.42; max-width: 62ch; text-wrap: pretty; }
.answer { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 500px); gap: 16px 56px; align-items: start; }
.answer dl { margin: 0; }
.answer dt, .facts dt { font: 600 0.85rem/1.5 var(--sans); color: var(--muted); }
.answer dd { margin: 0 0 1em; }
.cautions { margin-top: 24px; font-size: 0.95rem; color: var(--muted); }
.cautions ul { padding-left: 1.2em; }
figure { margin: 24px 0 0; }
.answer figure { margin-top: 0; }
body { counter-reset: figure; }
figcaption::before { counter-increment: figure; content: 'Figure ' counter(figure) '. '; font-weight: 600; color: var(--ink); }
figcaption { margin-top: 14px; font: 0.9rem/1.5 var(--sans); color: var(--muted); max-width: 84ch; }
.plot { display: block; height: auto; max-width: 100%; overflow: visible; font-family: var(--sans); font-variant-numeric: tabular-nums; }
.plot text { white-space: pre; }
.single .plot, .pair .plot { width: 100%; max-width: 470px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 24px 56px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--panel)), 1fr)); gap: 32px 32px; }
.panel { min-width: 0; }
.panel .plot { width: 100%; max-width: 340px; }
.panel-title { margin: 0 0 8px; font: 600 0.9rem/1.4 var(--sans); }
.panel-note { margin: 6px 0 0; font: 0.82rem/1.45 var(--sans); color: var(--muted); }
.pairs { margin: 0; padding-left: 1.8em; font: 0.85rem/1.5 var(--sans); }
.samples { max-height: 48rem; overflow-y: auto; padding: 4px; border: 1px solid var(--rule); }
.samples ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 28px 32px; margin: 0; padding: 12px; list-style: none; }
.samples img { display: block; width: 112px; height: auto; margin-bottom: 6px; image-rendering: pixelated; }
.sample table { width: 100%; font-size: 0.8rem; table-layout: fixed; }
.sample th, .sample td { padding: 3px 4px 3px 0; white-space: normal; overflow-wrap: anywhere; }
.sample th { width: 46%; font-weight: 400; min-width: 0; }
.sample-text { max-height: 11em; overflow: hidden; font: 0.85rem/1.45 var(--sans); white-space: pre-line; }
.chips { display: flex; flex-wrap: wrap; gap: 2px 16px; font: 0.9rem/1.6 var(--sans); max-width: none; }
.empty { font: 0.9rem/1.5 var(--sans); color: var(--muted); }
.swatch { display: inline-block; width: 0.7em; height: 0.7em; margin-right: 0.5em; border-radius: 50%; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.map-ground { fill: var(--panel-ground); stroke: var(--rule); }
.map-cell { fill: var(--heat); }
.map-diagonal { fill: var(--rule); }
.ramp { display: inline-block; width: 84px; height: 9px; margin: 0 8px; border: 1px solid var(--rule); background: linear-gradient(to right, transparent, var(--heat)); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scroll { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; font: 0.86rem/1.4 var(--sans); font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: 8px; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 32px); }
th, td { padding: 7px 10px; text-align: right; vertical-align: baseline; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
thead th { border-bottom: 1.5px solid var(--muted); vertical-align: bottom; }
thead th small { display: block; font-weight: 400; color: var(--muted); }
tr > :first-child { padding-left: 0; }
.words { text-align: left; }
td small, tbody th small { display: block; font-size: 0.9em; font-weight: 400; color: var(--muted); }
tbody th small { padding-left: 1.5em; }
thead th { white-space: normal; }
td.wide { white-space: normal; min-width: 22em; font-family: var(--serif); font-size: 0.95rem; }
tfoot tr:first-child > * { border-top: 2px solid var(--muted); }
.better { color: var(--good); }
.worse { color: var(--bad); }
.open { color: var(--muted); }
details { margin: 16px 0; }
.data { font: 0.86rem/1.5 var(--sans); margin: 10px 0 0; }
.data > summary { font-weight: 400; }
summary { cursor: pointer; font: 600 0.9rem/1.6 var(--sans); color: var(--accent); width: fit-content; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 210px), 1fr)); gap: 4px 32px; }
.facts dd { margin: 0 0 0.7em; }
footer { margin-top: 64px; padding-bottom: 48px; font: 0.85rem/1.5 var(--sans); color: var(--muted); }
@media (max-width: 860px) { .answer { grid-template-columns: minmax(0, 1fr); } .answer figure { order: -1; } }
@media (max-width: 560px) {
  body { font-size: 16px; }
  main, header, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 32px; }
  h1 { font-size: 1.85rem; }
  .headline { font-size: 1.25rem; }
  .panel .plot { max-width: 310px; }
  tbody th { white-space: normal; min-width: 8.5rem; }
  td.wide { min-width: 11rem; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 20px; }
  section { margin-top: 40px; padding-top: 24px; }
}
@media print {
  @page { margin: 16mm; }
  :root { color-scheme: light; --paper: #ffffff; }
  body { font-size: 10.5pt; }
  main, header, footer { max-width: none; padding: 0; }
  nav, #samples { display: none; }
  .single, .pair, .panel, tr { break-inside: avoid; }
  .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 24px; }
  .panels { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 20px 24px; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: 3px 4px; white-space: normal; }
  td.wide { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .plot, .map-cell, .map-diagonal { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
