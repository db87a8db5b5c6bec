import {InputError} from '../../src/errors.ts';
import {checkAddress} from '../_wire/request.ts';
import type {Model, Transport} from './client.ts';
import {grpcTransport} from './grpc.ts';
import {type Binary, restTransport} from './rest.ts';

/** The options that apply only to HTTP. */
export interface HttpOptions {
  readonly binary?: Binary;
  readonly dispatcher?: object;
}

/**
 * Checks the address of a service.
 *
 * @returns the address without a trailing slash
 * @throws InputError if it can't be used, or not with these options
 */
export function checkServiceUrl(address: string, {binary, dispatcher}: HttpOptions): string {
  const checked = checkAddress(overHttp(address));
  if (!isGrpc(address)) return checked;
  const {host, pathname} = new URL(checked);
  if (pathname !== '/') throw new InputError(`The \`url\` of ${host} has a path, which gRPC has not. Leave it out.`);
  if (binary !== undefined || dispatcher !== undefined) {
    throw new InputError('`binary` and `dispatcher` are for HTTP, and `url` says gRPC. Leave them out.');
  }
  return address.replace(/\/+$/, '').toLowerCase();
}

/** Returns the address as HTTP, which gRPC uses underneath. */
export function overHttp(address: string): string {
  return address.replace(/^grpc(?=s?:)/i, 'http');
}

function isGrpc(address: string): boolean {
  return overHttp(address) !== address;
}

/** Returns the transport of an address. It is opened, and the address is asked for, at the first use. */
export function transportTo(
  url: string | (() => Promise<string>),
  options: HttpOptions,
  model: Model,
): () => Promise<Transport> {
  let transport: Promise<Transport> | undefined;
  const open = async (): Promise<Transport> => {
    try {
      const address = checkServiceUrl(typeof url === 'string' ? url : await url(), options);
      return isGrpc(address) ? grpcTransport(address, model) : restTransport(address, options.binary ?? 'auto', model);
    } catch (error) {
      // The next attempt asks again.
      transport = undefined;
      throw error;
    }
  };
  return () => {
    transport ??= open();
    return transport;
  };
}
