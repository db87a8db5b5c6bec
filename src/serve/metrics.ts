import type {Ledger} from '../ask/ledger.ts';
import type {Tally} from './decision.ts';
import {Exposition} from './exposition.ts';
import type {Watches} from './watches.ts';

/** Upper bounds of the latency buckets, in seconds. A student answers in milliseconds, a teacher in seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const QUERIES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** The sources that the metrics read at each scrape. */
export interface MetricsSources {
  readonly tally: Tally;
  /** Queries that wait for the model. */
  readonly waiting: () => number;
  /** Demote the student. Empty if nothing does. */
  readonly watches: Watches;
  /** The teacher's ledger. Absent if there is no teacher. */
  readonly ledger?: Ledger;
  /** The cost of one answer of the teacher in US dollars. Undefined if it isn't known yet. */
  readonly costEach?: () => number | undefined;
}

/** A service's metrics. */
export interface Metrics {
  /** Counts an incoming request. Call the returned function when the reply is sent. */
  begin(): (route: string, status: number) => void;
  /** Called with the number of queries in each batch. */
  readonly onBatch: (queries: number) => void;
  /** The metrics as text. */
  text(): string;
}

export function createMetrics({tally, waiting, watches, ledger, costEach}: MetricsSources): Metrics {
  const exposition = new Exposition();
  const requests = exposition.counter('limbeck_requests_total', 'Requests, by route and HTTP status.');
  const latency = exposition.histogram(
    'limbeck_request_seconds',
    'Time from the head of a request to the end of its reply, by route.',
    SECONDS,
  );
  let underWay = 0;
  exposition.reading('gauge', 'limbeck_requests_under_way', 'Requests that wait for their reply.', () => [
    [{}, underWay],
  ]);
  exposition.reading('gauge', 'limbeck_questions_waiting', 'Inputs that wait for the model.', () => [[{}, waiting()]]);
  const batches = exposition.histogram('limbeck_batch_questions', 'Inputs in one pass of the model.', QUERIES);
  addAnswers(exposition, tally);
  if (tally.questions.size > 0) addQuestions(exposition, tally);
  if (watches.size > 0) addWatches(exposition, watches);
  if (ledger) addTeacher(exposition, tally, ledger, costEach ?? (() => undefined));
  addProcess(exposition);
  return {
    begin() {
      const start = performance.now();
      underWay++;
      return (route, status) => {
        underWay--;
        requests({route, status: String(status)});
        latency({route}, (performance.now() - start) / 1000);
      };
    },
    onBatch: queries => batches({}, queries),
    text: () => exposition.text(),
  };
}

function addAnswers(exposition: Exposition, tally: Tally): void {
  exposition.reading('counter', 'limbeck_answers_total', 'Inputs that were answered, by whom.', () => [
    [{by: 'student'}, tally.local],
    [{by: 'teacher'}, tally.teacher],
  ]);
  exposition.reading(
    'counter',
    'limbeck_fallbacks_total',
    'Inputs that the student answered because the teacher did not, by reason.',
    () => Object.entries(tally.fallbacks).map(([reason, count]) => [{reason}, count]),
  );
  exposition.reading('counter', 'limbeck_abstentions_total', 'Answers marked as not sure enough.', () => [
    [{}, tally.abstained],
  ]);
  exposition.reading('counter', 'limbeck_strange_total', 'Inputs unlike those that the student was trained on.', () => [
    [{}, tally.strange],
  ]);
  exposition.reading('counter', 'limbeck_unanswered_total', 'Inputs that could not be answered.', () => [
    [{}, tally.errors],
  ]);
  exposition.reading('gauge', 'limbeck_local_share', 'Share of all answers that the student gave.', () => [
    [{}, ratio(tally.local, tally.answered)],
  ]);
  addAudits(exposition, tally);
}

function addQuestions(exposition: Exposition, {questions}: Tally): void {
  const each = (read: (tally: Tally) => number | undefined, labels: Readonly<Record<string, string>> = {}) =>
    Array.from(questions, ([question, tally]) => [{question, ...labels}, read(tally)] as const);
  exposition.reading('counter', 'limbeck_question_answers_total', 'Answers to each question, by whom.', () => [
    ...each(({local}) => local, {by: 'student'}),
    ...each(({teacher}) => teacher, {by: 'teacher'}),
  ]);
  exposition.reading(
    'counter',
    'limbeck_question_abstentions_total',
    'Answers to each question that are marked as not sure enough.',
    () => each(({abstained}) => abstained),
  );
  exposition.reading(
    'gauge',
    'limbeck_question_agreement',
    'Share of the audited answers to each question that the teacher gave as well.',
    () => each(({agreed, audited}) => ratio(agreed, audited)),
  );
}

function addAudits(exposition: Exposition, tally: Tally): void {
  exposition.reading(
    'counter',
    'limbeck_audits_total',
    'Sure answers of the student compared with the teacher.',
    () => [
      [{agrees: 'yes'}, tally.agreed],
      [{agrees: 'no'}, tally.audited - tally.agreed],
    ],
  );
  exposition.reading('counter', 'limbeck_lost_audits_total', 'Audits that the teacher did not answer.', () => [
    [{}, tally.lostAudits],
  ]);
  exposition.reading(
    'gauge',
    'limbeck_agreement',
    'Share of the audited answers that the teacher gave as well.',
    () => [[{}, ratio(tally.agreed, tally.audited)]],
  );
  exposition.reading('gauge', 'limbeck_repeatability', 'How often the teacher, asked anew, says the same.', () => [
    [{}, ratio(tally.repeatedAlike, tally.repeated)],
  ]);
}

function addWatches(exposition: Exposition, watches: Watches): void {
  const each = Array.from(watches, ([question, {watch}]) => ({
    watch,
    labels: question === undefined ? {} : {question},
  }));
  exposition.reading('gauge', 'limbeck_demoted', '1 while the student is demoted: the teacher answers all.', () =>
    each.map(({watch, labels}) => [labels, watch.demoted ? 1 : 0]),
  );
  exposition.reading(
    'gauge',
    'limbeck_compared',
    'Inputs compared since the standing last changed, by whether the promise was broken.',
    () =>
      each.flatMap(({watch: {state}, labels}) => {
        const {compared, broken} = state.comparisons;
        return [
          [{...labels, broken: 'no'}, compared - broken],
          [{...labels, broken: 'yes'}, broken],
        ] as const;
      }),
  );
}

function addTeacher(exposition: Exposition, tally: Tally, ledger: Ledger, costEach: () => number | undefined): void {
  exposition.reading('counter', 'limbeck_teacher_calls_total', 'Requests to the teacher, retries included.', () => [
    [{}, ledger.snapshot().calls],
  ]);
  exposition.reading('counter', 'limbeck_teacher_tokens_total', 'Tokens of the teacher, as it counts them.', () => {
    const {inputTokens, outputTokens} = ledger.snapshot();
    return [
      [{kind: 'input'}, inputTokens],
      [{kind: 'output'}, outputTokens],
    ];
  });
  exposition.reading('counter', 'limbeck_spent_usd_total', 'What the teacher charged.', () => [
    [{}, ledger.snapshot().usd],
  ]);
  exposition.reading(
    'gauge',
    'limbeck_saved_usd',
    'What the teacher would have charged for the answers that the student gave on its own, at the mean price so far.',
    () => {
      const each = costEach();
      return [[{}, each === undefined ? undefined : each * tally.student]];
    },
  );
}

function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

/** The standard process metrics of Prometheus, under their own names. */
function addProcess(exposition: Exposition): void {
  const started = Date.now() / 1000 - process.uptime();
  exposition.reading('gauge', 'process_start_time_seconds', 'Start of the process since 1970.', () => [[{}, started]]);
  exposition.reading('gauge', 'process_resident_memory_bytes', 'Memory that the process takes.', () => [
    [{}, process.memoryUsage.rss()],
  ]);
  exposition.reading('counter', 'process_cpu_seconds_total', 'Time that the process computed.', () => {
    const {user, system} = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
}
