import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {ModelName} from './models.ts';
import type {Run} from './peers/serve.ts';
import type {PeerName} from './summary.ts';

/** The initial data of a peer. */
export interface Start {
  readonly model: ModelName;
  /** Folder with the files of `writeSharedFiles`. */
  readonly folder: string;
  readonly python: string;
}

/** A child process that loads, and then works only on command. */
export class Peer {
  readonly who: PeerName;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(who: PeerName, start: Start) {
    this.who = who;
    const [command, ...args] = commandOf(who, start);
    this.#child = spawn(command!, args, {env: {...process.env, TF_CPP_MIN_LOG_LEVEL: '2'}});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#lines = createInterface({input: this.#child.stdout})[Symbol.asyncIterator]();
  }

  /** Waits until it has loaded. Returns its versions and settings. */
  async ready(): Promise<Readonly<Record<string, unknown>>> {
    const {versions} = (await this.#answer()) as {versions: Record<string, unknown>};
    return versions;
  }

  /** Lets it train for one epoch. */
  run(): Promise<Run> {
    return this.#ask('run') as Promise<Run>;
  }

  /** Milliseconds for a batch with the teacher's answers. Only Limbeck answers. */
  async dataMs(): Promise<number> {
    const {ms} = (await this.#ask('data')) as {ms: number};
    return ms;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  #ask(query: string): Promise<object> {
    this.#child.stdin.write(`${query}\n`);
    return this.#answer();
  }

  async #answer(): Promise<object> {
    const {value, done} = await this.#lines.next();
    if (done) throw new Error(`${this.who} has stopped:\n${this.#errors}`);
    return JSON.parse(value) as object;
  }
}

function commandOf(who: PeerName, {model, folder, python}: Start): string[] {
  const file = (name: string) => join(import.meta.dirname, 'peers', name);
  switch (who) {
    case 'eager':
    case 'limbeck':
      return [process.execPath, '--import', 'tsx', file(`${who}.ts`), model];
    case 'pytorch':
      return [python, file('pytorch.py'), model, folder];
    case 'keras':
      return [python, file('keras_peer.py'), model, folder];
    case 'keras-jit':
      return [python, file('keras_peer.py'), model, folder, 'jit'];
  }
}
