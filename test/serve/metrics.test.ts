import {describe, expect, it} from 'vitest';
import {createLedger} from '../../src/ask/ledger.ts';
import {Tally} from '../../src/serve/decision.ts';
import {createMetrics} from '../../src/serve/metrics.ts';
import {metric, post, sayingOf, services, teacherOf} from './services.ts';

const start = services();

describe('GET /metrics', () => {
  it('counts requests by route and status, and how long they took', async () => {
    const service = await start();
    await post(service, '/classify', {text: 'spam 0.7'});
    await post(service, '/classify', {text: 'spam 0.7'});
    await post(service, '/classify', {});
    await fetch(`${service.url}/somewhere/else`);
    await fetch(`${service.url}/v2/models/mails`);
    expect(await metric(service, 'limbeck_requests_total{route="/classify",status="200"}')).toBe(2);
    expect(await metric(service, 'limbeck_requests_total{route="/classify",status="400"}')).toBe(1);
    expect(await metric(service, 'limbeck_requests_total{route="other",status="404"}')).toBe(1);
    expect(await metric(service, 'limbeck_requests_total{route="/v2/models/:model",status="200"}')).toBe(1);
    expect(await metric(service, 'limbeck_request_seconds_count{route="/classify"}')).toBe(3);
    expect(await metric(service, 'limbeck_request_seconds_bucket{route="/classify",le="30"}')).toBe(3);
    expect(await metric(service, 'limbeck_requests_under_way')).toBe(1);
    expect(await metric(service, 'limbeck_questions_waiting')).toBe(0);
  });

  it('counts answers by whom, abstentions, and the inputs of each pass', async () => {
    const service = await start({calibration: {threshold: 0.8}});
    await post(service, '/classify', {texts: ['spam 0.9', 'spam 0.5', 'ham 0.9']});
    await post(service, '/classify', {text: 'unanswerable'});
    expect(await metric(service, 'limbeck_answers_total{by="student"}')).toBe(3);
    expect(await metric(service, 'limbeck_answers_total{by="teacher"}')).toBe(0);
    expect(await metric(service, 'limbeck_abstentions_total')).toBe(1);
    expect(await metric(service, 'limbeck_unanswered_total')).toBe(1);
    expect(await metric(service, 'limbeck_local_share')).toBe(1);
    expect(await metric(service, 'limbeck_batch_questions_bucket{le="1"}')).toBe(1);
    expect(await metric(service, 'limbeck_batch_questions_sum')).toBe(4);
    expect(await metric(service, 'limbeck_saved_usd')).toBeUndefined();
  });

  it('counts what is answered by Open Inference', async () => {
    const service = await start();
    const input = {name: 'input', datatype: 'BYTES', shape: [2], data: ['spam 0.9', 'ham 0.9']};
    await post(service, '/v2/models/mails/infer', {inputs: [input]});
    expect(await metric(service, 'limbeck_answers_total{by="student"}')).toBe(2);
  });

  it('shows the share answered here, and the money spent and saved at the price so far', async () => {
    const ledger = createLedger();
    const teacher = teacherOf(() => {
      ledger.add({bought: 1, calls: 1, usd: 0.002, inputTokens: 90, outputTokens: 2});
      return sayingOf('news 0.9');
    });
    const service = await start({calibration: {threshold: 0.8}, cascade: {teacher, ledger, audit: 0}});
    expect(await metric(service, 'limbeck_local_share')).toBeUndefined();
    expect(await metric(service, 'limbeck_saved_usd')).toBeUndefined();
    await post(service, '/classify', {texts: ['spam 0.9', 'spam 0.9', 'ham 0.9', 'spam 0.5']});
    expect(await metric(service, 'limbeck_answers_total{by="teacher"}')).toBe(1);
    expect(await metric(service, 'limbeck_local_share')).toBe(0.75);
    expect(await metric(service, 'limbeck_spent_usd_total')).toBe(0.002);
    expect(await metric(service, 'limbeck_saved_usd')).toBeCloseTo(0.006, 12);
    expect(await metric(service, 'limbeck_teacher_calls_total')).toBe(1);
    expect(await metric(service, 'limbeck_teacher_tokens_total{kind="input"}')).toBe(90);
  });

  it('asks for the key, since it tells of the traffic', async () => {
    const service = await start({key: 'sesame'});
    expect((await fetch(`${service.url}/metrics`)).status).toBe(401);
    const headers = {authorization: 'Bearer sesame'};
    const reply = await fetch(`${service.url}/metrics`, {headers});
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await reply.text()).toMatch(/^# HELP limbeck_requests_total .*\n# TYPE limbeck_requests_total counter\n/);
  });
});

describe('createMetrics', () => {
  it('shows a request whose client went away under a status of its own', () => {
    const metrics = createMetrics({tally: new Tally(), waiting: () => 0, watches: new Map()});
    metrics.begin()('/classify', 499);
    expect(metrics.text()).toContain('limbeck_requests_total{route="/classify",status="499"} 1\n');
  });
});
