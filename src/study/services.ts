import type {ChildProcess} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {basename, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {stringify} from 'safe-stable-stringify';
import {LimbeckError} from '../errors.ts';
import type {Publication, PublishOptions} from '../recipe/teacher-source.ts';
import {loadStudent} from '../student/files.ts';
import type {Student} from '../student/student.ts';
import {teacherOf} from '../student/vectors.ts';
import {hasEnded, startChild} from './child.ts';

/** The argument of a service process. */
export interface ServiceSetup extends PublishOptions {
  /** The folder of the saved model. */
  readonly directory: string;
  /** Its name in addresses. */
  readonly model: string;
}

/** The message of a service process once it answers. */
export interface ServiceReady {
  readonly url: string;
}

/** Services that a study starts: real processes, so that its students learn from something that answers over HTTP. */
export interface Services {
  publish(directory: string, options: PublishOptions): Promise<Publication>;
  /** Stops what was started. */
  close(): Promise<void>;
}

/** No service starts before its address is needed: a study whose answers are all cached starts none. */
export function openServices(): Services {
  const running: ChildProcess[] = [];
  return {
    async publish(directory, options) {
      const version = versionOf(await loadStudent(directory));
      const model = basename(resolve(directory));
      let url: Promise<string> | undefined;
      return {
        service: `limbeck serve ${options.access}${options.topK === undefined ? '' : ` top-${options.topK}`}`,
        model,
        version,
        price: {},
        url: () => {
          url ??= start({directory, model, ...options}, running);
          return url;
        },
      };
    },
    async close() {
      await Promise.all(running.map(stop));
    },
  };
}

/** The version that a model is served under: another one after any change that can change an answer. */
export function versionOf(student: Student): string {
  return createHash('sha256')
    .update(stringify(teacherOf(student).identity))
    .digest('hex');
}

const entry = fileURLToPath(new URL('./service-process.js', import.meta.url));

async function start(setup: ServiceSetup, running: ChildProcess[]): Promise<string> {
  const {process: child, stderrTail} = startChild(entry, [JSON.stringify(setup)], {});
  running.push(child);
  const ready = once(child, 'message').then(([message]) => (message as ServiceReady).url);
  const failed = once(child, 'exit').then(([code, signal]) => {
    // Ctrl-C goes to all processes of a terminal, and this one may hear of the child's end first.
    if (signal === 'SIGINT' || signal === 'SIGTERM') throw new DOMException('The service was stopped.', 'AbortError');
    throw new LimbeckError(
      `The service of ${setup.directory} ended with code ${code} before it was ready:\n${stderrTail()}`,
    );
  });
  failed.catch(() => {});
  return Promise.race([ready, failed]);
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  await exited;
}
