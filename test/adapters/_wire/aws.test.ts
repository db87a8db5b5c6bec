import {readFileSync} from 'node:fs';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {AWS_ERRORS, AWS_STATUSES, awsAccess, regionOf} from '../../../adapters/_wire/aws.ts';
import {statusError} from '../../../adapters/_wire/refusal.ts';
import type {UnsignedRequest} from '../../../adapters/_wire/request.ts';

interface Signature {
  readonly service: string;
  readonly region: string;
  readonly url: string;
  readonly body: string;
  readonly sessionToken: string | null;
  readonly authorization: string;
}

const signatures = JSON.parse(
  readFileSync(new URL('../../fixtures/aws/signatures.json', import.meta.url), 'utf8'),
) as readonly Signature[];

const credentials = {accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'};
const target = {name: 'test', service: 'sagemaker', region: 'us-east-1'};
const request: UnsignedRequest = {method: 'POST', url: new URL('http://aws.test/'), headers: {}, body: '{}'};

const refused = (status: number, code?: string) =>
  statusError(
    {name: 'test', key: () => undefined},
    {status, headers: {}, body: JSON.stringify({__type: code})},
    {advice: {byCode: AWS_ERRORS, byStatus: AWS_STATUSES}},
  );

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('a request to AWS', () => {
  it.each(signatures)(
    'is signed as botocore signs it: $url',
    ({service, region, url, body, sessionToken, authorization}) => {
      vi.useFakeTimers({now: new Date('2026-11-24T12:30:05Z')});
      const given = {...credentials, ...(sessionToken !== null && {sessionToken})};
      const {key, authorize} = awsAccess({credentials: given}, {name: 'test', service, region});
      expect(key()).toBe('AKIDEXAMPLE');
      const headers = {'content-type': 'application/json', accept: 'application/json'};
      // Bodies go as text and as bytes.
      for (const content of [body, Buffer.from(body)]) {
        expect(authorize(key()!, {method: 'POST', url: new URL(url), headers, body: content})).toEqual({
          authorization,
          'x-amz-date': '20261124T123005Z',
          ...(sessionToken !== null && {'x-amz-security-token': sessionToken}),
        });
      }
    },
  );

  it('takes credentials from the environment, late', () => {
    const {key, authorize} = awsAccess({}, target);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, '');
    expect(key()).toBe('');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID');
    vi.stubEnv('AWS_SESSION_TOKEN', 'session');
    expect(key()).toBe('AKID');
    expect(() => authorize('AKID', request)).toThrow('Its access key has no secret. Set AWS_SECRET_ACCESS_KEY');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const {authorization, ...rest} = authorize('AKID', request);
    expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/us-east-1\/sagemaker\/aws4_request, /);
    expect(rest).toMatchObject({'x-amz-security-token': 'session'});
  });

  it('takes credentials from a function for every request', () => {
    const give = vi.fn(() => credentials);
    const {authorize} = awsAccess({credentials: give}, target);
    authorize('AKIDEXAMPLE', request);
    authorize('AKIDEXAMPLE', request);
    expect(give).toHaveBeenCalledTimes(2);
  });

  it('carries a key of the service as it is', () => {
    const {key, authorize} = awsAccess({credentials}, {...target, apiKey: () => 'api-key'});
    expect(authorize(key()!, request)).toEqual({authorization: 'Bearer api-key'});
  });
});

describe('a region of AWS', () => {
  it('comes from the options, then from the environment', () => {
    vi.stubEnv('AWS_REGION', 'us-gov-west-1');
    expect(regionOf({})).toBe('us-gov-west-1');
    expect(regionOf({region: 'eu-central-1'})).toBe('eu-central-1');
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_DEFAULT_REGION', 'ap-south-1');
    expect(regionOf({})).toBe('ap-south-1');
    vi.stubEnv('AWS_DEFAULT_REGION', undefined);
    expect(() => regionOf({})).toThrow('The service has no region. Pass `region` or set AWS_REGION.');
    expect(() => regionOf({region: 'evil.test/'})).toThrow('is no region of AWS');
  });
});

describe('an error of AWS', () => {
  it.each([
    [400, 'ThrottlingException', 'It gets too many requests.', true],
    [403, 'ExpiredTokenException', 'The credentials have expired.', undefined],
    [403, 'MissingAuthenticationTokenException', 'It asks for credentials.', undefined],
    [403, 'UnrecognizedClientException', 'It refuses the credentials.', undefined],
    [403, 'InvalidSignatureException', 'It refuses the signature.', undefined],
    [503, 'ServiceUnavailable', 'It can not take the request now.', true],
  ])('with %i %s says what it means', (status, code, problem, retryable) => {
    const error = refused(status, code);
    expect(error.message).toContain(problem);
    expect(error.retryable).toBe(retryable ?? false);
  });

  it('with 403 alone is one of rights, and with another status says nothing of its own', () => {
    expect(refused(403).message).toContain('The credentials may not ask it.');
    expect(refused(500).message).toContain('Its own log says why');
  });
});
