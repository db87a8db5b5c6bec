import {dollars} from '../ask/budget/price.ts';
import {InputError} from '../errors.ts';
import type {
  AuditStatus,
  MeasuredShare,
  QuestionStatus,
  ServiceStatus,
  TeacherStatus,
  WatchStatus,
} from '../serve/status.ts';
import type {StandingChange} from '../serve/watch.ts';
import {count, moment, percent} from '../study/report/format.ts';
import {openTerminal} from './terminal.ts';

/** Milliseconds that a service may take to report its status. */
const PATIENCE = 10_000;

export async function runStatus(url: string, {json = false}: {readonly json?: boolean}): Promise<void> {
  const status = await askStatus(url);
  openTerminal({json}).result(status, statusText(status));
}

async function askStatus(url: string): Promise<ServiceStatus> {
  const location = locationOf(url);
  const [key] = (process.env['LIMBECK_SERVE_KEY'] ?? '').split(',');
  const headers = new Headers(key ? {authorization: `Bearer ${key}`} : {});
  const reply = await fetch(location, {headers, signal: AbortSignal.timeout(PATIENCE)}).catch((cause: Error) => {
    throw new InputError(`No service answers at ${location}. Check the address, and that the service runs.`, {cause});
  });
  if (reply.status === 401) {
    throw new InputError(`The service at ${location} requires a key. Set LIMBECK_SERVE_KEY.`);
  }
  const body: unknown = await reply.json().catch(() => undefined);
  if (reply.ok && isStatus(body)) return body;
  throw new InputError(
    `The reply from ${location} (status ${reply.status}) is not one of this version of \`limbeck serve\`. Check the address.`,
  );
}

function locationOf(url: string): URL {
  try {
    return new URL('/status', url);
  } catch (cause) {
    throw new InputError(`${url} is not an address. Give one such as http://127.0.0.1:8080.`, {cause});
  }
}

function isStatus(body: unknown): body is ServiceStatus {
  return typeof body === 'object' && body !== null && 'coverage' in body && 'audits' in body && 'promise' in body;
}

/** Describes a service's status for people, a fact on each line. */
export function statusText(status: ServiceStatus): string {
  const {model, mode, demoted, answered, local, coverage, strange, promise, audits, teacher} = status;
  const standing = demoted === null ? '' : `, ${standingOf(status, demoted)}`;
  const lines: (readonly [string, string] | undefined)[] = [
    [
      'Coverage',
      coverage === null
        ? 'nothing answered yet'
        : `${shown(coverage)} here: ${count(local)} of ${count(answered)}${strange > 0 ? `, ${count(strange)} unlike the training texts` : ''}`,
    ],
    ...(status.questions ?? []).flatMap(questionLines),
    ...(promise ? promiseLines(promise) : []),
    teacher ? ['Audits', auditLine(audits)] : undefined,
    ...(teacher ? teacherLines(teacher) : []),
  ];
  const facts = lines.flatMap(line => (line ? [`${line[0].padEnd(13)} ${line[1]}`] : []));
  return [`${model}, mode ${mode}${standing}`, ...facts].join('\n');
}

function standingOf({questions = []}: ServiceStatus, isDemoted: boolean): string {
  const demoted = questions.filter(question => question.demoted).map(({name}) => name);
  if (demoted.length > 0) return `the student is demoted on ${demoted.join(', ')}`;
  if (isDemoted) return 'the student is demoted';
  return questions.length > 0 ? 'the student keeps its promises' : 'the student keeps its promise';
}

function questionLines(question: QuestionStatus): readonly (readonly [string, string])[] {
  const {name, promise} = question;
  const lines = promise ? promiseLines(promise, name) : [];
  return [[name, countsLine(question)], ...lines.map(([what, line]) => [`  ${what}`, line] as const)];
}

function countsLine({answered, local, coverage, abstained, audits}: QuestionStatus): string {
  if (coverage === null) return 'nothing answered yet';
  const facts = [
    `${shown(coverage)} here: ${count(local)} of ${count(answered)}`,
    ...(abstained > 0 ? [`${count(abstained)} not sure enough`] : []),
    ...(audits.agreement ? [`the teacher says the same of ${interval(audits.agreement)}`] : []),
  ];
  return facts.join(' · ');
}

function promiseLines(
  {agreement, confidence, since, kept, lastChange}: WatchStatus,
  question?: string,
): (readonly [string, string])[] {
  const promised = `${shown(agreement)} promised`;
  const measured = kept ? `${interval(kept)} of ${count(kept.of)} inputs` : 'nothing compared';
  return [
    ['Agreement', `${measured} since ${moment(since)}; ${promised} at ${shown(confidence)} confidence`],
    ...(lastChange ? [['Last change', standingLine(lastChange, agreement, question)] as const] : []),
  ];
}

function auditLine({audited, deferred, lost, agreement}: AuditStatus): string {
  const said = agreement ? `, the teacher says the same of ${interval(agreement)}` : '';
  const others = [
    ...(deferred > 0 ? [`${count(deferred)} left to the teacher`] : []),
    ...(lost > 0 ? [`${count(lost)} lost, the teacher did not answer`] : []),
  ];
  return [`${count(audited)} sure answers${said}`, ...others].join(' · ');
}

function teacherLines({
  name,
  calls,
  saved,
  usd,
  savedUsd,
  repeatability,
}: TeacherStatus): (readonly [string, string])[] {
  const again = repeatability
    ? `${interval(repeatability)} of ${count(repeatability.of)} inputs are answered alike when asked twice`
    : 'not known yet';
  return [
    ['Teacher', `${name}: ${count(calls)} calls${usd === null ? '' : `, ${dollars(usd)}`}`],
    ['Saved', `${count(saved)} calls${savedUsd === null ? '' : `, ${dollars(savedUsd)}`}`],
    ['Repeatability', again],
  ];
}

/**
 * Describes a change of a student's standing in a line.
 *
 * @param question - name of the question that changes; undefined for a student of one question
 */
export function standingLine(
  {demoted, at, compared, broken}: StandingChange,
  agreement: number,
  question?: string,
): string {
  const [on, all] = question === undefined ? ['', 'everything'] : [` on \`${question}\``, 'that question'];
  const counts = `${broken} of ${compared} compared answers were its own and not the teacher's`;
  const promised = `${Number((100 * (1 - agreement)).toPrecision(6))} % were promised at most`;
  return demoted
    ? `${at} The student is demoted${on}, and the teacher answers ${all}: ${counts}, but ${promised}.`
    : `${at} The student is restored${on}: ${counts}, and ${promised}.`;
}

/** A share with its interval, which holds at every look with 95 % probability. */
function interval({share, low, high}: MeasuredShare): string {
  return `${shown(share)} (${percent(low, 1)}–${percent(high, 1)})`;
}

function shown(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
