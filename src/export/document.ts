import {lengthRead} from '../data/reading.ts';
import type {Question} from '../question.ts';
import type {StudentDescription} from '../student/description.ts';
import {type HeadColumns, headsOf} from '../student/head-columns.ts';
import type {Head} from '../student/student.ts';
import {count, counted} from '../study/report/format.ts';
import {type Content, type Html, html, trusted} from '../study/report/html.ts';
import {packageVersion} from '../version.ts';
import {answerId, type PageForm} from './browser/page-input.ts';

/** The facts that a page shows about its student. */
interface PageFacts {
  readonly title: string;
  readonly form: PageForm;
  readonly description: StudentDescription;
  /** Number of learned values. */
  readonly weights: number;
}

/** The document of a page. Its scripts are files beside it, and it may fetch only such files. */
export function renderPage(facts: PageFacts): string {
  const {title, form} = facts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src data:; connect-src 'self' data:; form-action 'none'; base-uri 'none'">
<meta name="generator" content="limbeck ${packageVersion()}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body data-form="${form}">
<header>
<p class="eyebrow">A small model of one’s own</p>
<h1>${title}</h1>
<p class="setting">${settingOf(facts)}</p>
</header>
<main>
<section aria-labelledby="input-title">
<h2 id="input-title">${HEADINGS[form]}</h2>
${inputOf(facts)}
</section>
<section aria-labelledby="answer-title">
<h2 id="answer-title">Its answer</h2>
<p id="failure" class="failure" role="alert" hidden></p>
<p id="waiting" class="waiting">Nothing to answer yet.</p>
<div id="answer" hidden>
${headsOf(facts.description).map(answerHtml)}
<p id="latency" class="latency"></p>
</div>
<noscript><p class="failure">The student runs by scripts, and they are off.</p></noscript>
</section>
</main>
<footer>Made by limbeck ${packageVersion()}; computed by TensorFlow.js in WebAssembly, in this browser. What is typed, drawn or dropped here goes nowhere.</footer>
<script src="student-data.js"></script>
<script src="student.js"></script>
<script src="page.js"></script>
</body>
</html>
`.text;
}

const HEADINGS: Readonly<Record<PageForm, string>> = {
  text: 'A text',
  record: 'A record',
  image: 'A picture',
  numbers: 'Numbers',
};

/** The place for the answer of a head; for one of several, under the name of its question. */
function answerHtml({question}: HeadColumns, index: number, heads: readonly HeadColumns[]): Html {
  const heading =
    heads.length > 1 && question ? html`<h3>${question.name}</h3>\n${instructionsOf(question)}` : undefined;
  return html`${heading}<p id="${answerId('verdict', index)}" class="verdict" aria-live="polite"></p>
<table><caption>How sure it is of each class</caption><tbody id="${answerId('bars', index)}"></tbody></table>
`;
}

function instructionsOf({instructions = ''}: Question): Html | undefined {
  return instructions === '' ? undefined : html`<p class="note">${instructions}</p>\n`;
}

function settingOf({description, weights}: PageFacts): string {
  const {classes, calibration, heads} = description;
  if (heads !== undefined) return settingOfHeads(heads, weights);
  const size = `A student of ${counted(weights, 'weight')} for ${count(classes.length)} classes.`;
  if (calibration === undefined) return `${size} How sure it is was not calibrated.`;
  const {temperature, threshold} = calibration;
  const calibrated = `How sure it is was calibrated (temperature ${Number(temperature.toFixed(3))}).`;
  if (threshold === undefined) return `${size} ${calibrated}`;
  return `${size} ${calibrated} Below ${Number((100 * threshold).toFixed(2))} % it abstains.`;
}

function settingOfHeads(heads: readonly Head[], weights: number): string {
  const size = `A student of ${counted(weights, 'weight')} that answers ${counted(heads.length, 'question')}.`;
  const facts = heads.map(({question, calibration}) => {
    if (calibration === undefined) return `${question.name}: not calibrated`;
    const {temperature, threshold} = calibration;
    const abstains = threshold === undefined ? '' : `, abstains below ${Number((100 * threshold).toFixed(2))} %`;
    return `${question.name}: temperature ${Number(temperature.toFixed(3))}${abstains}`;
  });
  return `${size} How sure it is: ${facts.join('; ')}.`;
}

function inputOf({form, description}: PageFacts): Html {
  const {inputShape, reading} = description;
  switch (form) {
    case 'text':
      return html`${typed('The text', 14)}
${picker('', `A file can be dropped anywhere here. Of a longer text the first ${count(lengthRead(reading))} characters are read.`)}`;
    case 'record':
      return html`${typed('A record, as a JSON object', 8)}
${picker('', 'A file with it can be dropped anywhere here.')}`;
    case 'numbers':
      return html`${typed(`Its ${inputShape.join(' × ')} numbers, as JSON or with spaces or commas between them`, 8)}
${picker('', 'A file with them can be dropped anywhere here.')}`;
    case 'image':
      return imageInput(inputShape);
  }
}

function imageInput([height = 0, width = 0, channels]: StudentDescription['inputShape']): Html {
  const [high, wide] = [height ?? 0, width ?? 0];
  const drawn = html`<figure><canvas id="drawn" class="drawn" width="280" height="${Math.round((280 * high) / wide)}" role="img" aria-label="A place to draw on"></canvas><figcaption>Draw here</figcaption></figure>
`;
  return html`<div class="canvases">
${channels === 1 ? drawn : undefined}<figure><canvas id="seen" class="seen" width="${wide}" height="${high}" role="img" aria-label="What the student sees"></canvas><figcaption>What the student sees: ${wide} × ${high} pixels</figcaption></figure>
</div>
<p class="controls"><button type="button" id="clear">Clear</button>
<label><input type="checkbox" id="invert"> Invert light and dark</label></p>
${picker('image/*', 'A picture can be dropped or pasted anywhere here. Its middle is cut out in the proportions that the student takes.')}`;
}

function typed(label: string, rows: number): Html {
  return html`<label for="typed">${label}</label>
<textarea id="typed" rows="${rows}" spellcheck="false" autocomplete="off"></textarea>`;
}

function picker(accept: string, note: Content): Html {
  return html`<p class="controls"><label for="file">Or a file</label> <input type="file" id="file"${accept === '' ? undefined : html` accept="${accept}"`}></p>
<p class="note">${note}</p>`;
}

/** The page's style, after the report's: no font and no image from elsewhere, light and dark, from 360 px up. */
const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --panel-ground: #ffffff; --ink: #1b1d21; --muted: #5a5f68; --rule: #e2e3df; --edge: #8b9098;
  --accent: #0b6192; --bad: #a63c00;
  --serif: Charter, 'Bitstream Charter', Cambria, Georgia, 'Times New Roman', serif;
  --sans: -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --panel-ground: #1b1e22; --ink: #e8e8e4; --muted: #a3a8b0; --rule: #33373d; --edge: #767d87;
    --accent: #7cc0ea; --bad: #f08a4b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 var(--serif); }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 48px; }
h1, h2 { line-height: 1.2; font-weight: 600; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: 2.2rem; margin: 0.1em 0 0.25em; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 0 0 0.6em; }
h3 { font-size: 1.05rem; line-height: 1.2; font-weight: 600; margin: 1.2em 0 0.3em; overflow-wrap: anywhere; }
p { margin: 0 0 1em; max-width: 72ch; overflow-wrap: anywhere; }
[hidden] { display: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.eyebrow { margin: 0; font: 600 0.8rem/1.4 var(--sans); letter-spacing: 0.04em; color: var(--muted); }
.setting { font-size: 1.1rem; color: var(--muted); }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 24px 56px; align-items: start; }
section { min-width: 0; margin-top: 16px; padding-top: 24px; border-top: 1px solid var(--rule); }
label, button, input, .note, .latency, figcaption, table { font: 0.9rem/1.5 var(--sans); }
label { color: var(--ink); }
.note, .latency, .waiting, figcaption, caption { color: var(--muted); }
textarea { display: block; width: 100%; margin: 6px 0 12px; padding: 10px 12px; resize: vertical; border: 1px solid var(--edge); border-radius: 4px; background: var(--panel-ground); color: var(--ink); font: 1rem/1.5 var(--sans); }
.controls { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; margin-bottom: 8px; }
.controls input[type=file] { max-width: 100%; }
button { padding: 4px 14px; border: 1px solid var(--edge); border-radius: 4px; background: var(--panel-ground); color: var(--ink); cursor: pointer; }
.canvases { display: flex; gap: 16px 24px; }
figure { margin: 0 0 12px; }
canvas { display: block; width: min(224px, 42vw); height: auto; border: 1px solid var(--edge); }
.drawn { cursor: crosshair; touch-action: none; }
.seen { image-rendering: pixelated; }
figcaption { margin-top: 6px; max-width: min(224px, 42vw); }
.verdict { font-size: 1.4rem; line-height: 1.35; font-weight: 600; text-wrap: pretty; }
.abstains { font-weight: 400; font-style: italic; }
.failure { color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 1em; }
caption { text-align: left; padding-bottom: 6px; }
th, td { padding: 5px 0; border-bottom: 1px solid var(--rule); vertical-align: middle; }
th { font-weight: 600; text-align: left; max-width: 14em; overflow-wrap: anywhere; }
td { text-align: right; white-space: nowrap; }
.bar { width: 55%; padding: 0 16px; }
.bar div { background: var(--rule); }
.bar span { display: block; min-width: 1px; height: 10px; background: var(--accent); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
footer { margin-top: 48px; padding-bottom: 40px; font: 0.85rem/1.5 var(--sans); color: var(--muted); }
@media (max-width: 560px) {
  body { font-size: 16px; }
  main, header, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 28px; }
  h1 { font-size: 1.75rem; }
}
@media print { :root { color-scheme: light; } }
`;
