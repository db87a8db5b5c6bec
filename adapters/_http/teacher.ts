import {InputError} from '../../src/errors.ts';
import type {Teacher} from '../../src/teacher.ts';
import {type Aliases, readerWith} from '../_answers/aliases.ts';
import {
  CONCURRENCY,
  chargedService,
  openConnection,
  type ServiceAddress,
  type ServiceOptions,
} from '../_wire/service.ts';
import {askJson, type JsonService} from './asking.ts';
import {type LabelLocation, type OutputOptions, outputReader, type ScoreLocation} from './output.ts';
import {type ReceiptLocation, receiptReader} from './receipt.ts';
import type {Template} from './template.ts';

/** A service whose requests are made from a template and whose replies are read by pointers. */
export interface MappedService<Output extends ScoreLocation | LabelLocation = ScoreLocation | LabelLocation>
  extends ServiceAddress,
    Pick<JsonService<never>, 'url' | 'headers' | 'explain' | 'refusesInput'> {
  readonly identity: Teacher['identity'];
  readonly classes: readonly string[];
  /** @default as `classes` */
  readonly labels?: readonly string[] | undefined;
  /** Absent if the adapter has no aliases. */
  readonly aliases?: Aliases | undefined;
  /** One per kind of input that it can be asked about: all for one query, or all for several. */
  readonly templates: readonly Template[];
  readonly output: Output;
  /** The location of the error in a reply with status 200. */
  readonly error?: string | undefined;
  readonly receipt?: ReceiptLocation | undefined;
  /** Advice if a reply lacks the value to read; see `OutputOptions`. */
  readonly advice?: string;
  /** Converts the value at `output` into a label or scores, or returns the problem with it. */
  readonly shape?: NonNullable<OutputOptions['shape']>;
  /** Queries in one request. */
  readonly maxBatch: number;
}

/** @throws InputError if the template, the pointers, the labels or `maxBatch` can't be used */
export function mappedTeacher(options: ServiceOptions, service: MappedService<ScoreLocation>): Teacher<'gray-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService<LabelLocation>): Teacher<'black-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher {
  const {name, url, identity, classes, labels = classes, receipt = {}, maxBatch, templates} = service;
  const {concurrency = CONCURRENCY} = options;
  if (labels.length !== classes.length) {
    throw new InputError(
      `There are ${labels.length} \`labels\` for ${classes.length} classes. Give one per class, in order.`,
    );
  }
  if (!Number.isInteger(maxBatch) || maxBatch < 1) {
    throw new InputError(`Expected \`maxBatch\` to be a whole number above 0, got ${maxBatch}.`);
  }
  if (maxBatch > 1 && !templates[0]!.isBatch) {
    throw new InputError(
      '`maxBatch` needs placeholders for several inputs in `request`: {texts}, {tensors} or {each}.',
    );
  }
  const connection = openConnection(options, service);
  const {detail, read} = outputReader({
    ...service,
    labels,
    isBatch: templates[0]!.isBatch,
  });
  const asked: JsonService<'gray-box' | 'black-box'> = {
    ...service,
    connection,
    read: (reply, count) => read(name, reply, count),
  };
  return {
    name,
    identity,
    access: detail.kind === 'label' ? 'black-box' : 'gray-box',
    classes,
    detail,
    maxBatch,
    concurrency,
    service: chargedService(
      options,
      {address: url.origin, key: connection.key},
      {reader: readerWith(READER, service.aliases), read: asked.read, receipt: receiptReader(receipt)},
    ),
    ask: (queries, askOptions) => askJson(asked, queries, askOptions),
  };
}

/** Version of the reading of replies. */
const READER = 1;
