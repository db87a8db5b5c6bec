import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {freePort} from '../free-port.ts';
import {type PythonServer, programsOf, startPythonServer} from './python-server.ts';

/** A model of MLServer's, and what scikit-learn itself says of some inputs. */
export interface ServedModel<I> {
  readonly inputs: readonly I[];
  readonly classes: readonly string[];
  /** Class names, one an input. */
  readonly labels: readonly string[];
  /** One row an input. */
  readonly probabilities: readonly (readonly number[])[];
}

/** MLServer with three models of scikit-learn, version `v1`. */
export interface Mlserver extends PythonServer {
  /** `grpc://` and the address of the same models. */
  readonly grpcUrl: string;
  readonly models: {
    /** Of 64 whole numbers from 0 to 16, the pixels of a digit. */
    readonly digits: ServedModel<readonly number[]>;
    /** Of texts; its labels are names. */
    readonly moods: ServedModel<string>;
    /** Of the same pixels; a row has a probability for odd and one for above four. */
    readonly tags: Pick<ServedModel<readonly number[]>, 'inputs' | 'probabilities'>;
  };
}

/** Undefined where it is not installed. */
export async function startMlserver(): Promise<Mlserver | undefined> {
  const programs = programsOf('servers');
  if (programs === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-mlserver-'));
  const removeFolder = () => rm(folder, {recursive: true, force: true});
  try {
    makeModels(programs, folder);
    const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
    const server = await startPythonServer({
      environment: 'servers',
      command: ['mlserver', 'start', folder],
      folder,
      variables: {
        MLSERVER_HOST: '127.0.0.1',
        MLSERVER_HTTP_PORT: String(http),
        MLSERVER_GRPC_PORT: String(grpc),
        MLSERVER_METRICS_PORT: String(metrics),
      },
      port: http,
      readyAt: '/v2/health/ready',
    });
    return {
      url: server!.url,
      grpcUrl: `grpc://127.0.0.1:${grpc}`,
      models: JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')),
      async stop() {
        await server!.stop();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

function makeModels(programs: string, folder: string): void {
  const script = join(import.meta.dirname, 'make-mlserver.py');
  const {status, stderr} = spawnSync(join(programs, 'python'), [script, folder], {encoding: 'utf8'});
  if (status !== 0) throw new Error(`The models for MLServer could not be made:\n${stderr}`);
}
