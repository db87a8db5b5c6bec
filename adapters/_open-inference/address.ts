import {InputError} from '../../src/errors.ts';
import {checkAddress} from '../_wire/request.ts';
import type {Model, Transport} from './client.ts';
import {grpcTransport} from './grpc.ts';
import {type Binary, restTransport} from './rest.ts';

/** What of the options is about HTTP alone. */
export interface HttpOptions {
  readonly binary?: Binary;
  readonly dispatcher?: object;
}

/**
 * Checks the address of a service.
 *
 * @returns the address without a slash at its end
 * @throws InputError where it can't be used, or not with these options
 */
export function checkPlace(address: string, {binary, dispatcher}: HttpOptions): string {
  const checked = checkAddress(overHttp(address));
  if (!isGrpc(address)) return checked;
  const {host, pathname} = new URL(checked);
  if (pathname !== '/') throw new InputError(`The \`url\` of ${host} has a path, which gRPC has not. Leave it out.`);
  if (binary !== undefined || dispatcher !== undefined) {
    throw new InputError('`binary` and `dispatcher` are for HTTP, and `url` says gRPC. Leave them out.');
  }
  return address.replace(/\/+$/, '').toLowerCase();
}

/** The address, with that of gRPC as the one of HTTP that it is underneath. */
export function overHttp(address: string): string {
  return address.replace(/^grpc(?=s?:)/i, 'http');
}

function isGrpc(address: string): boolean {
  return overHttp(address) !== address;
}

/** How the service at an address is reached; the first time is when its address is asked for. */
export function transportTo(
  url: string | (() => Promise<string>),
  options: HttpOptions,
  model: Model,
): () => Promise<Transport> {
  let transport: Promise<Transport> | undefined;
  const open = async (): Promise<Transport> => {
    try {
      const address = checkPlace(typeof url === 'string' ? url : await url(), options);
      return isGrpc(address) ? grpcTransport(address, model) : restTransport(address, options.binary ?? 'auto', model);
    } catch (error) {
      // Another attempt asks again.
      transport = undefined;
      throw error;
    }
  };
  return () => {
    transport ??= open();
    return transport;
  };
}
