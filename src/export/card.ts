import {termsOfProvider, termsText} from '../ask/provider/terms.ts';
import {kindRead} from '../data/reading.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {withoutSecrets} from '../secrets.ts';
import {outputWidth} from '../student/forward.ts';
import {weightsHash} from '../student/weights-hash.ts';
import {promiseText} from '../study/report/cascades.ts';
import {
  bytesText,
  count,
  counted,
  decimal,
  list,
  moment,
  percent,
  percentage,
  significant,
} from '../study/report/format.ts';
import {packageVersion} from '../version.ts';
import {type CardFacts, cardFacts, type MeasuredHead} from './card-facts.ts';
import {effectOf} from './onnx/effect.ts';
import {type ExportedOnnx, writeExport} from './onnx/export.ts';

export interface ExportCardOptions {
  /**
   * The head that the card is about.
   *
   * @default the whole student
   */
  readonly question?: string | undefined;
  /**
   * The ONNX model of the same student, whose size the card then has.
   *
   * @default none
   */
  readonly onnx?: ExportedOnnx | undefined;
}

const KINDS = {question: kinds.text, onnx: kinds.object} satisfies Shape<ExportCardOptions>;

/**
 * Writes a model card: Markdown with the header that Hugging Face reads. It says what the student's folder and the
 * results of its study tell, and of everything else that it is not known. The speed is measured on this machine.
 *
 * @param directory - the folder of a saved student
 * @throws InputError if the student can't be read, or the card can't be written
 */
export async function exportCard(path: string, directory: string, options: ExportCardOptions = {}): Promise<void> {
  checkOptions('exportCard', options, KINDS);
  const {question, onnx} = options;
  const card = cardText(await cardFacts(directory, question), onnx);
  await writeExport(path, withoutSecrets(card));
}

function cardText(facts: CardFacts, onnx: ExportedOnnx | undefined): string {
  const sections = [
    `# ${titleOf(facts)}`,
    `A small student of ${teacherOf(facts)}, distilled by limbeck. Version ${packageVersion()} wrote this card.`,
    '## What it answers',
    ...answersOf(facts),
    '## What it learned from',
    originTable(facts),
    ...(facts.student.output === 'vector' ? likenessOf(facts) : measuresOf(facts)),
    '## Size and speed',
    sizeList(facts, onnx),
    '## Terms',
    ...termsOf(facts),
  ];
  return `${headerOf(facts, onnx)}\n${sections.join('\n\n')}\n`;
}

function measuresOf({heads, student}: CardFacts): string[] {
  return [
    '## How often it agrees with its teacher',
    ...perHead(heads, agreementText),
    '## Guarantee',
    ...perHead(heads, guaranteeText),
    ...(student.gate ? ['A gate marks texts unlike the training texts: the student abstains on them.'] : []),
  ];
}

const TASKS: Readonly<Record<string, string>> = {
  text: 'text-classification',
  image: 'image-classification',
  record: 'tabular-classification',
};

function headerOf({student, encoder}: CardFacts, onnx: ExportedOnnx | undefined): string {
  const task = student.output === 'vector' ? 'feature-extraction' : TASKS[kindRead(student.reading)];
  const lines = [
    'license: unknown',
    ...(onnx ? ['library_name: onnx'] : []),
    ...(task ? [`pipeline_tag: ${task}`] : []),
    'tags:',
    ...[
      'limbeck',
      'knowledge-distillation',
      ...(onnx ? ['onnx'] : []),
      ...(encoder ? ['sentence-embeddings'] : []),
    ].map(tag => `- ${tag}`),
  ];
  return `---\n${lines.join('\n')}\n---\n`;
}

function titleOf(facts: CardFacts): string {
  if (facts.student.output === 'vector') return `Vectors like those of ${teacherOf(facts)}`;
  const {heads} = facts;
  const names = heads.flatMap(({question}) => (question ? [plain(question.name)] : []));
  if (names.length > 0) return list(names);
  const [{classes}] = heads as [MeasuredHead];
  return classes.length > 3 ? `Which of ${count(classes.length)} classes?` : `${classes.map(plain).join(' or ')}?`;
}

function teacherOf({origin: {teacher}, heads, likeness}: CardFacts): string {
  if (teacher?.access === 'truth') return 'true labels';
  const named = likeness?.teacher ?? heads.find(({agreement}) => agreement)?.agreement?.teacher;
  const parts = [...(teacher?.adapters ?? []), ...(teacher?.models ?? [])];
  const name = named ?? (parts.length > 0 ? parts.join(' ') : undefined);
  return name === undefined ? 'a teacher that is not recorded' : `the teacher ${plain(name)}`;
}

/** The most classes that are listed. */
const MOST_CLASSES = 200;

function answersOf({student, heads}: CardFacts): string[] {
  const {reading, model, output} = student;
  const reads = `It reads ${inputsOfKinds(kindRead(reading))}`;
  if (output === 'vector') {
    return [
      `${reads} and gives a vector of ${counted(outputWidth(student), 'number')} for each. Its network is \`${model.name}\`.`,
    ];
  }
  const answers = heads.map(({question, classes}) => {
    const asked = question === undefined ? '' : ` **${plain(question.name)}**: ${plain(question.instructions ?? '')}`;
    const named = classes.slice(0, MOST_CLASSES).map(name => `\`${name.replaceAll('`', "'")}\``);
    const more = classes.length > MOST_CLASSES ? `, and ${count(classes.length - MOST_CLASSES)} more` : '';
    return `-${asked} One of ${count(classes.length)} classes: ${named.join(', ')}${more}.`;
  });
  return [
    `${reads} and answers ${counted(heads.length, 'question')}. Its network is \`${model.name}\`.`,
    answers.join('\n'),
  ];
}

function originTable({origin, heads, student}: CardFacts): string {
  const {teacher, recipe, level, method, seed} = origin;
  const {answers = heads.find(({agreement}) => agreement)?.agreement?.answers} = origin;
  const shown = (value: string | number | undefined): string =>
    value === undefined ? 'not recorded' : plain(typeof value === 'number' ? count(value) : value);
  const rows = [
    ['Teacher', teacher && `${[...teacher.adapters, ...teacher.models].join(' ') || 'no name'} (${teacher.access})`],
    ['Answers', answers],
    ['Recipe', recipe],
    ['Level of access', level],
    ['Method', method],
    ['Seed', seed],
    ['SHA-256 of the weights', weightsHash(student)],
  ] as const;
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${shown(value)} |`)].join('\n');
}

/** A paragraph, or a list with an item for each of several heads. */
function perHead(heads: readonly MeasuredHead[], text: (head: MeasuredHead) => string): string[] {
  if (heads.length === 1) return [text(heads[0]!)];
  return [heads.map(head => `- ${plain(head.question!.name)}: ${text(head)}`).join('\n')];
}

const NOT_MEASURED = 'Not measured, or measured on another student: no results of its study are there.';

function agreementText({agreement}: MeasuredHead): string {
  if (agreement === undefined) return NOT_MEASURED;
  const {share, interval, inputs, finishedAt} = agreement;
  const [low, high] = interval;
  return `${percentage(share)} (95 % interval ${percent(low)} to ${percent(high)}) on ${counted(inputs, 'test input')}, by the study that ended on ${moment(finishedAt)}.`;
}

function likenessOf({likeness}: CardFacts): string[] {
  const title = '## How like its teacher it is';
  if (likeness === undefined) return [title, NOT_MEASURED];
  const {meanCosine, recall, spearman, neighbours, inputs, finishedAt} = likeness;
  const cosine = meanCosine === undefined ? '' : `a mean cosine of ${decimal(meanCosine, 3)} with its vectors, `;
  return [
    title,
    `By the study that ended on ${moment(finishedAt)}, on ${counted(inputs, 'test input')}: ${cosine}${percentage(recall, 1)} of its ${count(neighbours)} nearest neighbours, and a Spearman's correlation of ${decimal(spearman, 3)} of the cosines of pairs. These are point estimates; the report of the study has the intervals.`,
  ];
}

function guaranteeText({calibration}: MeasuredHead): string {
  if (calibration === undefined) return 'None. Its probabilities are not calibrated.';
  const temperature = `Its probabilities are calibrated (temperature ${significant(calibration.temperature)}).`;
  const {threshold, guarantee} = calibration;
  if (threshold === undefined) return `None. ${temperature}`;
  return `${promiseText({threshold, guarantee})} ${temperature}`;
}

function sizeList({bytes, student, speed}: CardFacts, onnx: ExportedOnnx | undefined): string {
  const lines = [
    `${counted(student.model.countParams(), 'parameter')}, ${bytesText(bytes)} as a student of limbeck`,
    ...(onnx ? [onnxLine(onnx)] : []),
    speed === undefined
      ? 'speed: not measured'
      : `speed: half of ${counted(speed.inputs, 'input')} took ${significant(speed.p50)} ms at most, one at a time, measured by limbeck on the machine that wrote this card (${speed.machine})`,
  ];
  return lines.map(line => `- ${line}`).join('\n');
}

function onnxLine({bytes, int8}: ExportedOnnx): string {
  if (int8 === undefined) return `${bytesText(bytes)} as ONNX`;
  return `${bytesText(bytes)} as ONNX with weights in 8 bits: ${effectOf(int8)}`;
}

function termsOf({origin: {teacher}, encoder}: CardFacts): string[] {
  const ofTeacher =
    teacher?.access === 'truth'
      ? 'It learned from true labels. The terms of their source hold.'
      : 'The terms of the teacher’s provider may forbid to train models on its answers, or to share such models. Read them before you use or share this student.';
  const known = (teacher?.providers ?? []).flatMap(name => termsOfProvider(name) ?? []);
  const lines = [
    ofTeacher,
    ...known.map(termsText),
    'No licence was chosen for this student: replace `license: unknown` above.',
  ];
  if (encoder === undefined) return lines;
  const {name, hash, licence} = encoder;
  const stated = licence === undefined ? 'its folder states no licence' : `its licence is stated to be \`${licence}\``;
  return [...lines, `It needs the embedding model \`${name}\` (SHA-256 ${hash}), which is not part of it; ${stated}.`];
}

/** On one line, and without signs that Markdown reads. */
function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>|#]/g, '\\$&');
}
