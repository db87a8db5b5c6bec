import {moment} from './format.ts';
import {type Content, type Html, html, jsonScript, trusted} from './html.ts';
import {STYLE} from './style.ts';

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
