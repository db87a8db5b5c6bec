import {join} from 'node:path';
import {InputError} from '../errors.ts';
import {exportCard} from '../export/card.ts';
import {exportChat, exportRecords} from '../export/knowledge.ts';
import {effectOf} from '../export/onnx/effect.ts';
import {type ExportedOnnx, exportOnnx} from '../export/onnx/export.ts';
import {exportPage} from '../export/web.ts';
import type {StoredKnowledge} from '../knowledge/knowledge.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import {type StudentDescription, studentDescription} from '../student/description.ts';
import {loadHead, loadStudent} from '../student/files.ts';
import {readJson} from '../student/model-files.ts';
import type {Student} from '../student/student.ts';
import {bytesText, list} from '../study/report/format.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface ExportFlags {
  readonly json?: boolean;
  readonly web?: string;
  readonly title?: string;
  readonly onnx?: string;
  readonly int8?: boolean;
  readonly card?: string;
  readonly question?: string;
  readonly chat?: string;
  readonly prompt?: string;
  readonly system?: string;
  readonly records?: string;
  readonly top?: number;
}

/** The possible exports, and the flags of each. A card is an export by itself, or comes beside a page or a model. */
const TARGETS = {
  web: ['title', 'question', 'card'],
  onnx: ['int8', 'question', 'card'],
  card: ['question'],
  chat: ['prompt', 'system'],
  records: ['top'],
} as const satisfies Readonly<Record<string, readonly (keyof ExportFlags)[]>>;
type Target = keyof typeof TARGETS;

export async function runExport(what: string, flags: ExportFlags): Promise<void> {
  const target = targetOf(flags);
  const terminal = openTerminal({json: flags.json ?? false});
  if (target === 'web') return exportStudent(what, flags.web!, flags, terminal);
  if (target === 'onnx') return exportModel(what, flags.onnx!, flags, terminal);
  if (target === 'card') {
    await exportCard(flags.card!, what, {question: flags.question});
    return terminal.result({student: what, card: flags.card}, `Wrote the card ${flags.card}`);
  }
  const knowledge = await openKnowledge(what);
  try {
    const [file, count] = await exportFile(knowledge, flags);
    terminal.result({knowledge: what, file, count}, `Wrote ${count} texts to ${file}`);
  } finally {
    await knowledge.close();
  }
}

/** Finds the requested export. A flag of another export would have no effect, so it is refused. */
function targetOf(flags: ExportFlags): Target {
  const targets = Object.keys(TARGETS) as Target[];
  const target = targets.find(name => flags[name] !== undefined);
  if (target === undefined) {
    throw new InputError(
      'Say what to make: from a student a page with `--web FOLDER`, a model with `--onnx FILE` or a card with `--card FILE`, from ' +
        'knowledge conversations with `--chat FILE` or records with `--records FILE`.',
    );
  }
  for (const other of targets) {
    const own: readonly string[] = TARGETS[target];
    const idle = TARGETS[other].find(flag => flag !== target && !own.includes(flag) && flags[flag] !== undefined);
    if (idle !== undefined) throw new InputError(`\`--${idle}\` is for \`--${other}\`. Leave it out.`);
  }
  return target;
}

async function exportStudent(
  folder: string,
  directory: string,
  {title, question, card}: ExportFlags,
  terminal: Terminal,
): Promise<void> {
  const {student, madeBy} = await openStudent(folder, question);
  const page = await exportPage(directory, student, {madeBy, title});
  if (card !== undefined) await exportCard(card, folder, {question});
  const index = join(directory, 'index.html');
  const opening = page.opensFromFile
    ? `Open ${index} in a browser`
    : `It has too many weights to open from a file: serve ${directory} with any web server`;
  terminal.result(
    {student: folder, directory, ...page, card},
    `Wrote a page of ${(page.bytes / 1e6).toFixed(1)} MB. ${opening}`,
  );
}

async function openStudent(
  folder: string,
  question: string | undefined,
): Promise<Pick<StudentDescription, 'madeBy'> & {readonly student: Student}> {
  const student = question === undefined ? await loadStudent(folder) : await loadHead(folder, question);
  const {madeBy} = studentDescription.parse(await readJson(join(folder, 'limbeck.json')));
  return {student, madeBy};
}

async function exportModel(
  folder: string,
  file: string,
  {int8, question, card}: ExportFlags,
  terminal: Terminal,
): Promise<void> {
  const {student, madeBy} = await openStudent(folder, question);
  const exported = await exportOnnx(file, student, {int8, madeBy});
  if (card !== undefined) await exportCard(card, folder, {question, onnx: exported});
  terminal.result({student: folder, ...exported, card}, modelText(exported));
}

function modelText({files: [model, ...others], bytes, int8}: ExportedOnnx): string {
  const beside = `Beside it: ${list(others)}`;
  if (int8 === undefined) return `Wrote ${model} of ${bytesText(bytes)}. ${beside}`;
  return [
    `Wrote ${model} of ${bytesText(bytes)}, ${bytesText(int8.bytesBefore)} with weights in 32 bits. ${beside}`,
    `With weights in 8 bits, ${effectOf(int8)}.`,
  ].join('\n');
}

async function exportFile(knowledge: StoredKnowledge, flags: ExportFlags): Promise<[file: string, count: number]> {
  const {chat, records, prompt, system, top} = flags;
  if (chat !== undefined) {
    const options = {prompt, system};
    return [chat, await exportChat(chat, knowledge, options)];
  }
  return [records!, await exportRecords(records!, knowledge, top === undefined ? {} : {top})];
}
