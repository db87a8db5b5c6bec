import {writeFile} from 'node:fs/promises';
import {extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {replaceDirectory} from '../data/files.ts';
import {readsTexts} from '../data/reading.ts';
import {readWasmBinary} from '../engine/wasm-binary.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {describeStudent} from '../student/description.ts';
import {inputShapeOf, shown} from '../student/input-shape.ts';
import {checkClassifies} from '../student/make-student.ts';
import {modelFilesOf} from '../student/model-files.ts';
import type {Student} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import type {PageForm} from './browser/page-input.ts';
import type {StudentData} from './browser/student.ts';
import {bundle} from './bundle.ts';
import {renderPage} from './document.ts';

/** The files in the folder of a page. Earlier versions left `model.json` there. */
const FILES = ['model.json', 'weights.bin', 'limbeck.json', 'student-data.js', 'student.js', 'page.js', 'index.html'];

export interface ExportPageOptions {
  /**
   * The page's title.
   *
   * @default a title that names its classes, or its questions
   */
  readonly title?: string | undefined;
  /** The origin of the student, kept in `limbeck.json` for people. */
  readonly madeBy?: {readonly [key: string]: Json};
  /**
   * Most bytes of weights that are also put into a script, so that the page opens from a file. Larger weights are
   * fetched, which needs a web server.
   *
   * @default 33554432
   */
  readonly mostInlineBytes?: number | undefined;
}

const KINDS = {
  title: kinds.text,
  madeBy: kinds.object,
  mostInlineBytes: kinds.number,
} satisfies Shape<ExportPageOptions>;

/** A page that was written. */
export interface ExportedPage {
  /** The kind of input. A student of images without colours also takes drawings. */
  readonly form: PageForm;
  /** Total size of all files. */
  readonly bytes: number;
  /** True if the page opens from a file. Otherwise it needs a web server. */
  readonly opensFromFile: boolean;
}

/**
 * Writes a page on which a student answers in the browser, by the same code as here. The page makes no requests to
 * others: all that it needs is in its directory, which appears whole or not at all. Other pages can use
 * `student-data.js` and `student.js`: `limbeck.openStudent()` gives a `BrowserStudent`.
 *
 * @throws InputError if the student gives vectors or takes inputs of no fixed shape, or the directory holds other files
 *   or can't be written
 */
export async function exportPage(
  directory: string,
  student: Student,
  options: ExportPageOptions = {},
): Promise<ExportedPage> {
  checkOptions('exportPage', options, KINDS);
  checkClassifies(student, '`exportPage`');
  const {title = titleOf(student), madeBy = {}, mostInlineBytes = 2 ** 25} = options;
  const form = formOf(student);
  // A page asks no teacher, so it leaves out the gate, which decides what a teacher is asked.
  const {gate: _, ...shown} = student;
  const description = describeStudent(shown, madeBy);
  const scripts = await Promise.all([script('student.js'), script('page.js')]);
  const wasm = Buffer.from(await readWasmBinary()).toString('base64');
  const {json: model, weights} = await modelFilesOf(student.model);
  const opensFromFile = weights.length <= mostInlineBytes;
  const inline = opensFromFile ? Buffer.from(weights).toString('base64') : undefined;
  const data: StudentData = {description, model, wasm, weights: inline};
  let bytes = 0;
  await replaceDirectory(directory, FILES, async temporary => {
    const write = async (name: string, content: string | Uint8Array) => {
      bytes += Buffer.byteLength(content);
      await writeFile(join(temporary, name), content);
    };
    if (!opensFromFile) await write('weights.bin', weights);
    await write('limbeck.json', `${JSON.stringify(description, undefined, 2)}\n`);
    await write('student-data.js', `globalThis.limbeckStudent = ${JSON.stringify(data)};\n`);
    await write('student.js', scripts[0]);
    await write('page.js', scripts[1]);
    await write('index.html', renderPage({title, form, description, weights: student.model.countParams()}));
  });
  return {form, bytes, opensFromFile};
}

/** A student of bytes [height, width, 1, 3 or 4] gets pictures. Other numbers have no known meaning. */
function formOf({model, reading, dtype, preprocessing}: Student): PageForm {
  if (reading?.kind === 'embeddings') {
    throw new InputError(
      `Student ${model.name} reads texts with an embedding model, which a page does not contain. Export a student of hashedNgrams() or subwordCnn().`,
    );
  }
  if (readsTexts(reading)) return 'text';
  if (reading?.kind === 'record') return 'record';
  const shape = inputShapeOf(model);
  if (shape.includes(null)) {
    throw new InputError(
      `Student ${model.name} takes inputs ${shown(shape)}, of any length, but a page needs one fixed shape. Train one with a fixed shape.`,
    );
  }
  const takesBytes = dtype === 'uint8' || (dtype === undefined && preprocessing.scale !== undefined);
  return takesBytes && shape.length === 3 && [1, 3, 4].includes(shape[2]!) ? 'image' : 'numbers';
}

function titleOf({classes, heads}: Student): string {
  if (heads !== undefined) return heads.map(({question}) => question.name).join(', ');
  if (classes.length > 3) return `Which of ${classes.length} classes?`;
  return `${classes.slice(0, -1).join(', ')} or ${classes.at(-1)}?`;
}

/** The sources of the scripts of an exported page, by the name of the file. */
const PARTS: Readonly<Record<'student.js' | 'page.js', {readonly source: URL; readonly globalName?: string}>> = {
  'student.js': {source: new URL('./browser/student', import.meta.url), globalName: 'limbeck'},
  'page.js': {source: new URL('./browser/page', import.meta.url)},
};

/** @returns a classic script, which also opens from a file; the exports of `student.js` are in the global `limbeck` */
function script(name: keyof typeof PARTS): Promise<string> {
  const {source, ...options} = PARTS[name];
  // The sources are TypeScript, and the built package is JavaScript.
  const file = fileURLToPath(source) + extname(fileURLToPath(import.meta.url));
  return bundle(name, {...options, entryPoints: [file], minify: true, format: 'iife', legalComments: 'eof'});
}
