import type {SharedAsking} from '../ask/asking.ts';
import {createBudget} from '../ask/budget/budget.ts';
import {createAdmission} from '../pace/admission.ts';
import type {QueueServer} from './server.ts';

/** Lets no request out while the Redis of a queue is away. Each worker keeps limits of its own. */
export function askingWith(server: QueueServer): SharedAsking {
  return {
    admission(_account, rates) {
      const own = createAdmission(rates);
      return {
        get state() {
          return own.state;
        },
        run: request =>
          own.run({
            estimate: request.estimate,
            signal: request.signal,
            isAgain: request.isAgain ?? false,
            usageOf: reply => (request.usageOf ? request.usageOf(reply) : request.estimate),
            async send() {
              await server.whenBack(request.signal);
              return request.send();
            },
          }),
      };
    },
    budget: createBudget([]),
    async close() {},
  };
}
