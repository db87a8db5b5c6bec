import {describe, expect, it} from 'vitest';
import {until} from '../built.ts';
import {fixture, isRunning, type Running, servicesOf, workplace} from './limbeck.ts';
import {answering, remoteTeacher} from './remote-teacher.ts';

const {start, json} = workplace();

interface Labelled {
  readonly levels: readonly {readonly bought: number; readonly cached: number; readonly calls: number}[];
}

describe('limbeck label killed without warning', () => {
  it('asks nothing twice when it is run again but what was under way', async () => {
    let isHolding = true;
    let held = 0;
    let calls = 0;
    const remote = await remoteTeacher(async (inputs, output) => {
      calls++;
      if (isHolding && calls > 5) {
        held++;
        await until('the end of the hold', () => !isHolding);
      }
      return answering(inputs, output);
    });
    const command = ['label', fixture('remote.ts'), '--level', 'gray-box'];
    const env = {TEST_TEACHER_URL: remote.url};

    const killed = start(command, {env});
    // Both connections wait, so all answers before these were handed on and kept.
    await until('two requests under way', () => held === 2);
    killed.kill('SIGKILL');
    expect(await killed.finished).toMatchObject({code: null, signal: 'SIGKILL'});
    isHolding = false;

    const {levels} = await json<Labelled>(command, {env});
    expect(levels).toMatchObject([{bought: 20, cached: 40, calls: 3}]);
    const counts = [...remote.asked.values()];
    expect(counts).toHaveLength(60);
    expect(counts.filter(count => count > 1)).toEqual(new Array(16).fill(2));
  });
});

describe.skipIf(process.platform !== 'linux')('limbeck with services that it started', () => {
  const command = ['label', fixture('slow.ts'), '--level', 'gray-box'];
  const batches = (running: Running): number => running.stderr().split('answered 64\n').length - 1;

  /** Waits until labelling is under way, and returns the service that answers. */
  async function labelling(running: Running): Promise<number> {
    await until('three batches answered', () => batches(running) >= 3);
    const services = servicesOf(running.pid);
    expect(services).toHaveLength(1);
    return services[0]!;
  }

  it('stops at Ctrl-C with what was bought, and so does its service', async () => {
    const running = start(command);
    const service = await labelling(running);
    running.killGroup('SIGINT');
    const {code, signal, stdout, stderr} = await running.finished;
    expect({code, signal, stdout}).toEqual({code: 130, signal: null, stdout: ''});
    expect(stderr).toMatch(
      /Stopped\. Every answer that was bought is kept\. Run the same command again to continue\.\n$/,
    );
    expect(stderr).not.toMatch(/unexpected|Error/);
    expect(isRunning(service)).toBe(false);

    const kept = 64 * batches(running);
    expect(kept).toBeLessThan(1280);
    const {levels} = await json<Labelled>(command);
    expect(levels).toMatchObject([{bought: 1280 - kept, cached: kept}]);
  });

  it('stops at SIGTERM in the same way', async () => {
    const running = start([...command, '--cache', 'other-answers']);
    const service = await labelling(running);
    running.kill('SIGTERM');
    expect(await running.finished).toMatchObject({code: 130, stdout: '', stderr: expect.stringMatching(/Stopped\./)});
    expect(isRunning(service)).toBe(false);
  });

  it('leaves no service behind when it is killed', async () => {
    const running = start([...command, '--cache', 'third-answers']);
    const service = await labelling(running);
    running.kill('SIGKILL');
    await running.finished;
    await until('the end of the service', () => !isRunning(service));
  });

  it('leaves no service behind when it is killed before that is ready', async () => {
    const running = start([...command, '--cache', 'fourth-answers']);
    let services: readonly number[] = [];
    await until('the start of the service', () => {
      services = servicesOf(running.pid);
      return services.length > 0;
    });
    running.kill('SIGKILL');
    expect((await running.finished).stderr).not.toContain('answered');
    await until('the end of the service', () => !services.some(isRunning));
  });

  it('stops at a Ctrl-C that comes before its service is ready', async () => {
    const running = start([...command, '--cache', 'fifth-answers']);
    let services: readonly number[] = [];
    await until('the start of the service', () => {
      services = servicesOf(running.pid);
      return services.length > 0;
    });
    running.killGroup('SIGINT');
    const {code, stderr} = await running.finished;
    expect({code, stderr}).toEqual({code: 130, stderr: expect.stringMatching(/Stopped\./)});
    expect(services.some(isRunning)).toBe(false);
  });

  it('takes it for the same where its service hears of a Ctrl-C first', async () => {
    const running = start([...command, '--cache', 'sixth-answers']);
    let services: readonly number[] = [];
    await until('the start of the service', () => {
      services = servicesOf(running.pid);
      return services.length > 0;
    });
    for (const service of services) process.kill(service, 'SIGINT');
    expect(await running.finished).toMatchObject({code: 130, stderr: expect.stringMatching(/Stopped\./)});
  });
});

describe('limbeck compare', () => {
  it('stops at Ctrl-C while it trains, and writes no results', async () => {
    const running = start(['compare', fixture('long.ts')]);
    await until('the start of training', () => running.stderr().includes('training'));
    running.killGroup('SIGINT');
    expect(await running.finished).toMatchObject({code: 130, stdout: '', stderr: expect.stringMatching(/Stopped\./)});
  });
});
