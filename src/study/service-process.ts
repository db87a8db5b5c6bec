import {withoutSecrets} from '../secrets.ts';
import {servedStudent, warmUp} from '../serve/heads.ts';
import {type RunningService, serveTeacher} from '../serve/server.ts';
import {asTeacher} from '../student/as-teacher.ts';
import {loadStudent} from '../student/files.ts';
import {type ServiceReady, type ServiceSetup, versionOf} from './services.ts';

// A process of a study that serves a saved model on a free port of this machine. It ends with the process that started it.
const {directory, model, access, topK} = JSON.parse(process.argv[2]!) as ServiceSetup;
const service = await openService().catch(fail);
process.once('disconnect', stop).once('SIGINT', stop).once('SIGTERM', stop);
if (process.connected) process.send!({url: service.url} satisfies ServiceReady);
else await stop();

async function openService(): Promise<RunningService> {
  const student = await loadStudent(directory);
  const teacher = asTeacher(student);
  await warmUp(teacher, student);
  return serveTeacher(teacher, {
    model,
    access,
    port: 0,
    version: versionOf(student),
    ...servedStudent(student),
    detail: topK === undefined ? undefined : {kind: 'top-k', k: topK},
  });
}

function fail(error: unknown): never {
  process.stderr.write(`${withoutSecrets(error instanceof Error ? error.message : String(error))}\n`);
  process.exit(1);
}

async function stop(): Promise<void> {
  await service.close();
  process.exit();
}
