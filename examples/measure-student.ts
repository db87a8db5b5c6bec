import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {type Inputs, loadStudent, predictLogits} from 'limbeck';
import {inputAt} from 'limbeck/data';
import {type Cascaded, cascaded} from 'limbeck/metrics';
import {request} from 'undici';

/** The measurements of a student in use. */
export interface StudentInUse {
  /** Total size of its files. */
  readonly studentBytes: number;
  /** Number of lines of a hundred characters per second, on one core. */
  readonly textsPerSecond: number;
  /** Latency of single requests, one after another, to `limbeck serve`, in milliseconds. */
  readonly p99Ms: number;
  /** The cascade with the teacher, at the threshold of the student's calibration. */
  readonly cascade: Cascaded;
}

/**
 * Measures a saved student.
 *
 * @param heldOut - texts that no student learned from
 * @param labels - the teacher's labels of these texts
 */
export async function measureStudent(folder: string, heldOut: Inputs, labels: Int32Array): Promise<StudentInUse> {
  const student = await loadStudent(folder);
  const {calibration, classes} = student;
  if (calibration === undefined) throw new Error(`The student in ${folder} is not calibrated.`);
  return {
    studentBytes: await bytesIn(folder),
    textsPerSecond: await throughput(folder, heldOut),
    p99Ms: await latency(folder, heldOut),
    cascade: cascaded(await predictLogits(student, heldOut), labels, classes.length, calibration),
  };
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async name => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const LINES = 20_000;
const LINE = 100;

/** Measures in a separate process with one thread. */
async function throughput(folder: string, texts: Inputs): Promise<number> {
  const child = start([join(import.meta.dirname, 'throughput.ts'), folder], {TF_NUM_INTRAOP_THREADS: '1'});
  child.stdin!.end(JSON.stringify(linesOf(texts)));
  return Number(await outputOf(child));
}

/** Text cut into lines of one length, repeated from the beginning. */
function linesOf(texts: Inputs): readonly string[] {
  const all = Array.from({length: texts.count}, (_, index) => inputAt(texts, index))
    .map(input => (input.kind === 'text' ? input.text : ''))
    .join(' ')
    .replace(/\s+/g, ' ');
  const distinct = Math.floor(all.length / LINE);
  return Array.from({length: LINES}, (_, line) => {
    const position = (line % distinct) * LINE;
    return all.slice(position, position + LINE);
  });
}

const WARM_UP = 100;
const REQUESTS = 2000;

async function latency(folder: string, texts: Inputs): Promise<number> {
  const main = join(import.meta.dirname, '..', 'dist', 'src', 'cli', 'main.js');
  const child = start([main, 'serve', folder, '--name', 'student', '--port', '0', '--json']);
  try {
    const [line] = await once(child.stdout!, 'data');
    const {url} = JSON.parse(String(line)) as {readonly url: string};
    const times: number[] = [];
    for (let call = 0; call < WARM_UP + REQUESTS; call++) {
      const input = inputAt(texts, call % texts.count);
      const tensor = {name: 'input', datatype: 'BYTES', shape: [1], data: [input.kind === 'text' ? input.text : '']};
      const started = performance.now();
      const reply = await request(`${url}/v2/models/student/infer`, {
        method: 'POST',
        headers: {'content-type': 'application/json'},
        body: JSON.stringify({inputs: [tensor]}),
      });
      const body = await reply.body.text();
      if (reply.statusCode !== 200) throw new Error(`The service answered ${reply.statusCode}: ${body}`);
      if (call >= WARM_UP) times.push(performance.now() - started);
    }
    return times.sort((a, b) => a - b)[Math.floor(0.99 * times.length)]!;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

function start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', ...args], {
    env: {...process.env, ...variables},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`It ended with ${code}.`);
  return output;
}
