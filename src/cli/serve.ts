import {basename, resolve} from 'node:path';
import {Command, Option} from 'commander';
import {sizeOf} from '../data/inputs.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {type ServeOptions, serveTeacher} from '../serve/server.ts';
import {asTeacher} from '../student/as-teacher.ts';
import {loadStudent} from '../student/files.ts';
import {inputShapeOf} from '../student/input-shape.ts';
import type {Student} from '../student/student.ts';
import {type ServiceReady, versionOf} from '../study/services.ts';
import type {Teacher} from '../teacher.ts';
import {port, positive} from './numbers.ts';
import {stopSignal, withJson} from './study-options.ts';
import {noteFallback, openTerminal} from './terminal.ts';

interface ServeFlags {
  readonly access: 'gray-box' | 'black-box';
  readonly topK?: number;
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly json?: boolean;
}

/** `limbeck serve MODEL`: a saved model as a service that shows no more than a level of access allows. */
export function serveCommand(): Command {
  return withJson(new Command('serve'))
    .description('serve a saved model over HTTP by the Open Inference Protocol (v2)')
    .argument('<model>', 'the folder of a saved model')
    .addOption(
      new Option('--access <level>', 'show scores or labels alone')
        .choices(['gray-box', 'black-box'])
        .default('gray-box'),
    )
    .option('--top-k <k>', 'show only the k most probable classes (gray-box)', positive)
    .option('--name <name>', 'name of the model in addresses (default: its folder’s)')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <port>', 'port to listen at; 0 takes a free one', port, 8080)
    .addHelpText('after', '\nThe environment variable LIMBECK_SERVE_KEY asks clients for that key as a bearer token.')
    .action(runServe);
}

async function runServe(folder: string, flags: ServeFlags): Promise<void> {
  const {access, topK, host, json = false, name = basename(resolve(folder))} = flags;
  if (topK !== undefined && access !== 'gray-box')
    throw new InputError('--top-k shows scores: it goes with --access gray-box.');
  const terminal = openTerminal({json});
  await startEngine();
  const student = await loadStudent(folder);
  const teacher = asTeacher(student, {onFallback: noteFallback(terminal)});
  await warmUp(teacher, student);
  const key = process.env['LIMBECK_SERVE_KEY'];
  const service = await serveTeacher(teacher, {
    model: name,
    version: versionOf(student),
    access,
    host,
    port: flags.port,
    ...servedInput(student),
    ...(topK !== undefined && {detail: {kind: 'top-k', k: topK}}),
    ...(key && {key}),
  });
  const ready: ServiceReady = {url: service.url};
  const shown = topK === undefined ? access : `${access}, top ${topK}`;
  terminal.result({...ready, model: name, access}, `${name} (${shown}) at ${service.url}/v2/models/${name}`);
  process.send?.(ready);
  await stopRequest();
  await service.close();
}

/** Compiles the model now, so that the first request does not wait for it. */
async function warmUp(teacher: Teacher, {model, dtype = 'float32', hashing}: Student): Promise<void> {
  if (hashing !== undefined) {
    await teacher.ask([{input: {kind: 'text', text: ''}}]);
    return;
  }
  const shape = inputShapeOf(model).filter(length => length !== null);
  // A model that takes any shape is compiled for the one that comes.
  if (shape.length !== inputShapeOf(model).length) return;
  const data = new {uint8: Uint8Array, int32: Int32Array, float32: Float32Array}[dtype](sizeOf(shape));
  await teacher.ask([{input: {kind: 'tensor', dtype, shape, data}}]);
}

/** Waits for Ctrl-C, SIGTERM, or the end of the process that started this one. */
async function stopRequest(): Promise<void> {
  const signal = stopSignal();
  await new Promise<void>(stop => {
    signal.addEventListener('abort', () => stop(), {once: true});
    if (process.connected) process.once('disconnect', () => stop());
  });
}

/** What the model takes, where it is fixed, so that clients are told and misfits are refused at the door. */
function servedInput({model, dtype, hashing}: Student): Pick<ServeOptions, 'input'> {
  if (hashing !== undefined) return {input: {kind: 'text'}};
  const shape = inputShapeOf(model).filter(length => length !== null);
  return dtype !== undefined && shape.length === inputShapeOf(model).length
    ? {input: {kind: 'tensor', shape, dtype}}
    : {};
}
