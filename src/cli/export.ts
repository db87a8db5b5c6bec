import {join} from 'node:path';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {exportChat, exportRecords} from '../export/knowledge.ts';
import {exportPage} from '../export/web.ts';
import type {StoredKnowledge} from '../knowledge/knowledge.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import {studentDescription} from '../student/description.ts';
import {loadHead} from '../student/files.ts';
import {readJson} from '../student/model-files.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface ExportFlags {
  readonly json?: boolean;
  readonly web?: string;
  readonly title?: string;
  readonly question?: string;
  readonly chat?: string;
  readonly prompt?: string;
  readonly system?: string;
  readonly records?: string;
  readonly top?: number;
}

/** The possible exports, and the flags of each. */
const TARGETS = {web: ['title', 'question'], chat: ['prompt', 'system'], records: ['top']} as const;
type Target = keyof typeof TARGETS;

export async function runExport(what: string, flags: ExportFlags): Promise<void> {
  const target = targetOf(flags);
  const terminal = openTerminal({json: flags.json ?? false});
  if (target === 'web') return exportStudent(what, flags.web!, flags, terminal);
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
      'Say what to make: a page from a student with `--web FOLDER`, or from knowledge conversations with `--chat FILE` or records ' +
        'by `--records FILE`.',
    );
  }
  for (const other of targets) {
    const idle = TARGETS[other].find(flag => other !== target && flags[flag] !== undefined);
    if (idle !== undefined) throw new InputError(`\`--${idle}\` is for \`--${other}\`. Leave it out.`);
  }
  return target;
}

async function exportStudent(
  folder: string,
  directory: string,
  {title, question}: ExportFlags,
  terminal: Terminal,
): Promise<void> {
  await startEngine();
  const student = await loadHead(folder, question);
  const {madeBy} = studentDescription.parse(await readJson(join(folder, 'limbeck.json')));
  const page = await exportPage(directory, student, {madeBy, title});
  const index = join(directory, 'index.html');
  const opening = page.opensFromFile
    ? `Open ${index} in a browser`
    : `It has too many weights to open from a file: serve ${directory} with any web server`;
  terminal.result(
    {student: folder, directory, ...page},
    `Wrote a page of ${(page.bytes / 1e6).toFixed(1)} MB. ${opening}`,
  );
}

async function exportFile(knowledge: StoredKnowledge, flags: ExportFlags): Promise<[file: string, count: number]> {
  const {chat, records, prompt, system, top} = flags;
  if (chat !== undefined) {
    const options = {prompt, system};
    return [chat, await exportChat(chat, knowledge, options)];
  }
  return [records!, await exportRecords(records!, knowledge, top === undefined ? {} : {top})];
}
