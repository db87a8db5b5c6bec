import type {StudentDescription} from '../student/description.ts';
import {count, counted} from '../study/report/format.ts';
import {type Content, type Html, html, trusted} from '../study/report/html.ts';
import {packageVersion} from '../version.ts';
import type {PageForm} from './browser/page-input.ts';
import {STYLE} from './style.ts';

/** What a page says of its student. */
export interface PageFacts {
  readonly title: string;
  readonly form: PageForm;
  readonly description: StudentDescription;
  /** How many numbers it learned. */
  readonly weights: number;
}

/** The document of a page. Its scripts stand beside it; it may fetch nothing but what stands there, too. */
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
<p id="verdict" class="verdict" aria-live="polite"></p>
<table><caption>How sure it is of each class</caption><tbody id="bars"></tbody></table>
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

const HEADINGS: Readonly<Record<PageForm, string>> = {text: 'A text', image: 'A picture', numbers: 'Numbers'};

function settingOf({description, weights}: PageFacts): string {
  const {classes, calibration} = description;
  const size = `A student of ${counted(weights, 'weight')} for ${count(classes.length)} classes.`;
  if (calibration === undefined) return `${size} How sure it is was not calibrated.`;
  const {temperature, threshold} = calibration;
  const calibrated = `How sure it is was calibrated (temperature ${Number(temperature.toFixed(3))}).`;
  if (threshold === undefined) return `${size} ${calibrated}`;
  return `${size} ${calibrated} Below ${Number((100 * threshold).toFixed(2))} % it abstains.`;
}

function inputOf({form, description}: PageFacts): Html {
  const {inputShape, reading} = description;
  switch (form) {
    case 'text':
      return html`${typed('The text', 14)}
${picker('', `A file can be dropped anywhere here. Of a longer text the first ${count(reading?.length ?? 0)} characters are read.`)}`;
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
