import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach} from 'vitest';
import {type BatchService, startBatchService} from './batch-service.ts';
import {type Workplace, workplace} from './limbeck.ts';

/** The service of a test, and how a command finds it. */
interface ServedTest {
  readonly service: BatchService;
  readonly env: Record<string, string>;
}

interface BatchWorkplace extends Workplace {
  /** Those of the test that runs. */
  readonly served: () => ServedTest;
}

/**
 * A folder for commands about `batched.ts`. Each test has a service of its own, and nothing is kept from test to test.
 *
 * @param inputs - of the recipe
 */
export function batchWorkplace(inputs: number): BatchWorkplace {
  const shared = workplace();
  let served: ServedTest;
  beforeEach(async () => {
    const service = await startBatchService();
    served = {service, env: {TEST_TEACHER_URL: service.url, TEST_INPUTS: String(inputs)}};
  });
  afterEach(async () => {
    served.service.close();
    for (const name of ['.limbeck', 'out']) await rm(join(shared.folder(), name), {recursive: true, force: true});
  });
  return {...shared, served: () => served};
}
