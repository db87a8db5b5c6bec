import {freePort} from '../free-port.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/** A moto with one bucket, and the variables by which limbeck finds it. */
export interface MotoBucket extends PythonServer {
  readonly variables: Readonly<Record<'AWS_ENDPOINT_URL_S3' | 'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY', string>>;
}

/** Starts moto and makes a bucket in it. Undefined where it is not installed. */
export async function startMotoBucket(bucket: string): Promise<MotoBucket | undefined> {
  const moto = await startMoto();
  if (moto === undefined) return undefined;
  await fetch(`${moto.url}/${bucket}`, {method: 'PUT'});
  const credentials = {AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'a-secret-of-nobody-else'};
  return {...moto, variables: {AWS_ENDPOINT_URL_S3: moto.url, ...credentials}};
}

/** Starts moto, which answers as the services of Amazon do. Undefined where it is not installed. */
export async function startMoto(): Promise<PythonServer | undefined> {
  const port = await freePort();
  return startPythonServer({
    environment: 'servers',
    command: ['moto_server', '--host', '127.0.0.1', '--port', String(port)],
    port,
    readyAt: '/moto-api/data.json',
  });
}
