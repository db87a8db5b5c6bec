import {readFile, writeFile} from 'node:fs/promises';
import {extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {readWasmBinary} from '../engine/wasm-binary.ts';
import {InputError, LimbeckError} from '../errors.ts';
import {describeStudent} from '../student/description.ts';
import {inputShapeOf, shown} from '../student/input-shape.ts';
import {readJson, writeModel} from '../student/model-files.ts';
import {replaceDirectory} from '../student/replace-directory.ts';
import type {Student} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import type {PageForm} from './browser/page-input.ts';
import type {StudentData} from './browser/student.ts';
import {renderPage} from './document.ts';

/** What stands in the folder of a page. The first three are the student, as `saveStudent` writes it. */
const FILES = ['model.json', 'weights.bin', 'limbeck.json', 'student-data.js', 'student.js', 'page.js', 'index.html'];

export interface ExportPageOptions {
  /**
   * The page's title.
   *
   * @default what its classes are
   */
  readonly title?: string;
  /** How the student came to be, kept in `limbeck.json` for people. */
  readonly madeBy?: {readonly [key: string]: Json};
  /**
   * Up to so many bytes of weights stand in a script, too, and the page opens from a file. With more they are fetched,
   * which needs a web server.
   *
   * @default 33554432
   */
  readonly mostInlineBytes?: number;
}

/** A page that was written. */
export interface ExportedPage {
  /** How the student is asked: of images also by drawing, where it sees no colours. */
  readonly form: PageForm;
  /** Of all files. */
  readonly bytes: number;
  /** True if it opens from a file; elsewhere it needs a web server. */
  readonly opensFromFile: boolean;
}

/**
 * Writes a page on which a student answers in the browser, by the code that it answers by here. It asks nobody for
 * anything: all that it needs stands in its directory, which appears whole or not at all. The directory is a saved
 * student, too. Other pages use it by `student-data.js` and `student.js`: `limbeck.openStudent()` gives a
 * `BrowserStudent`.
 *
 * @throws InputError if the student takes inputs of no fixed shape, or the directory holds other files or can't be
 *   written
 */
export async function exportPage(
  directory: string,
  student: Student,
  {title = titleOf(student), madeBy = {}, mostInlineBytes = 2 ** 25}: ExportPageOptions = {},
): Promise<ExportedPage> {
  const form = formOf(student);
  // A page asks no teacher, and has no use for what would send texts there.
  const {gate: _, ...shown} = student;
  const description = describeStudent(shown, madeBy);
  const scripts = await Promise.all([bundle('student.js'), bundle('page.js')]);
  const wasm = Buffer.from(await readWasmBinary()).toString('base64');
  let [bytes, opensFromFile] = [0, true];
  await replaceDirectory(directory, FILES, async temporary => {
    const write = async (name: string, text: string) => {
      bytes += Buffer.byteLength(text);
      await writeFile(join(temporary, name), text);
    };
    await writeModel(temporary, student.model);
    await write('limbeck.json', `${JSON.stringify(description, undefined, 2)}\n`);
    const model = (await readJson(join(temporary, 'model.json'))) as StudentData['model'];
    const weights = await readFile(join(temporary, 'weights.bin'));
    opensFromFile = weights.length <= mostInlineBytes;
    const data: StudentData = {
      ...{description, model, wasm},
      ...(opensFromFile && {weights: weights.toString('base64')}),
    };
    bytes += Buffer.byteLength(JSON.stringify(model)) + weights.length;
    await write('student-data.js', `globalThis.limbeckStudent = ${JSON.stringify(data)};\n`);
    await write('student.js', scripts[0]);
    await write('page.js', scripts[1]);
    await write('index.html', renderPage({title, form, description, weights: student.model.countParams()}));
  });
  return {form, bytes, opensFromFile};
}

/** A student of bytes [height, width, 1, 3 or 4] is shown pictures; of other numbers nobody knows what they mean. */
function formOf({model, reading, dtype, preprocessing}: Student): PageForm {
  if (reading?.kind === 'embeddings') {
    throw new InputError(
      `Student ${model.name} reads texts by a model of embeddings, which a page does not hold. Export one of hashedNgrams() or subwordCnn().`,
    );
  }
  if (reading !== undefined) return 'text';
  const shape = inputShapeOf(model);
  if (shape.includes(null)) {
    throw new InputError(
      `Student ${model.name} takes inputs ${shown(shape)}, of any length, and a page needs one shape. Make it of one.`,
    );
  }
  const takesBytes = dtype === 'uint8' || (dtype === undefined && preprocessing.scale !== undefined);
  return takesBytes && shape.length === 3 && [1, 3, 4].includes(shape[2]!) ? 'image' : 'numbers';
}

function titleOf({classes}: Student): string {
  if (classes.length > 3) return `Which of ${classes.length} classes?`;
  return `${classes.slice(0, -1).join(', ')} or ${classes.at(-1)}?`;
}

/** The parts of an exported page that run in the browser, by the files that they become. */
const PARTS: Readonly<Record<'student.js' | 'page.js', {readonly source: URL; readonly globalName?: string}>> = {
  'student.js': {source: new URL('./browser/student', import.meta.url), globalName: 'limbeck'},
  'page.js': {source: new URL('./browser/page', import.meta.url)},
};

/**
 * Makes a script for browsers of this program's own code, so that a student computes there by what it computes by here.
 *
 * @returns a classic script, which opens from a file, too; what `student.js` exports is in the global `limbeck`
 * @throws LimbeckError if it can't be made
 */
async function bundle(name: keyof typeof PARTS): Promise<string> {
  const {source, ...options} = PARTS[name];
  // The program's sources are TypeScript, and the built package is JavaScript.
  const file = fileURLToPath(source) + extname(fileURLToPath(import.meta.url));
  try {
    const {build} = await import('esbuild');
    const {outputFiles} = await build({
      ...options,
      entryPoints: [file],
      bundle: true,
      minify: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
      charset: 'utf8',
      legalComments: 'eof',
      logLevel: 'silent',
      tsconfigRaw: '{}',
    });
    return outputFiles[0]!.text;
  } catch (cause) {
    throw new LimbeckError(`The script ${name} can't be made. Install limbeck again, with its optional packages.`, {
      cause,
    });
  }
}
