import type {Packing} from '../../src/service-features.ts';
import type {Access, Query, Teacher} from '../../src/teacher.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {statusError} from '../_wire/refusal.ts';
import {CONCURRENCY, chargedService, openModel} from '../_wire/service.ts';
import {chatTeacher, withParameters, wordsOf} from './chat.ts';
import {chatProbe, type OtherWays} from './chat-probe.ts';
import {fillsPromptCache, leastTokens, mostTokens, totalBound, totalUsage, unboundedBy} from './cost.ts';
import type {Dialect} from './dialect.ts';
import {fieldsIn} from './fields.ts';
import {askByForm, bodyAbout} from './form-requests.ts';
import {packingBy, packSizeOf, positionsNote, withPositions} from './pack.ts';
import {PackedForm, type PackedOptions, type PackedRequest} from './packed-form.ts';
import {parseLabel} from './projection-text.ts';
import {noteOn, readReply, receiptOf} from './reading.ts';
import {shorterPrompts} from './shorter-prompts.ts';

/** Version of the way in which inputs become a prompt and a schema. It is part of the identity. */
const MAPPING = 1;

/**
 * A language model as a teacher about classes, for each input alone or for several in one request.
 *
 * @throws InputError if the options can't be used
 */
export function classTeacher<A extends Access>(options: PackedOptions, dialect: Dialect<A>): Teacher<A> {
  const size = packSizeOf(options);
  const packing = {
    ...{size, ...packingBy(options)},
    at: (pack: number) => classTeacher({...options, pack}, dialect),
  };
  const prompts = shorterPrompts(options, dialect.way).map(({name, options: changes}) => {
    return {name, make: () => classTeacher({...options, ...changes}, dialect)};
  });
  const ways = {packing, ...(prompts.length > 0 && {shorterPrompts: prompts})};
  return size > 1 ? packedTeacher(options, dialect, ways) : chatTeacher(options, dialect, ways);
}

type PackedWays<A extends Access> = OtherWays<A> & {readonly packing: Packing<A>};

/**
 * A language model that is asked about several inputs in one request, and answers with a JSON object that has a field for
 * each. A later field can depend on the earlier ones.
 *
 * @throws InputError if the options can't be used
 */
function packedTeacher<A extends Access>(options: PackedOptions, dialect: Dialect<A>, ways: PackedWays<A>): Teacher<A> {
  const {packing} = ways;
  const {model, parameters, imageTokens, packMatters = true, classes} = options;
  const {address, service, name, connection, url, models} = openModel(options, dialect);
  const {adapter, headers, path, refusalAdvice: advice, warmed, access, detail} = dialect;
  const form = new PackedForm(options, dialect);
  const {codes} = form;
  const {size} = packing;
  const words = wordsOf(form.prompts, dialect.aliases);
  // Tokens are read as they are written in JSON.
  const read = options.output === 'log-probabilities' ? codes.map(code => JSON.stringify(code).slice(1, -1)) : codes;
  const reader = {name, dialect, words: {...words, codes: read}};
  const unbounded = unboundedBy(dialect.cost, {body: form.template, parameters, model});
  const atTemperature = (temperature: number) =>
    classTeacher({...options, parameters: withParameters(parameters ?? {}, warmed?.(temperature))}, dialect);
  const bodyOf = (query: Query) => bodyAbout(connection, form, query);
  const packsOf = (queries: readonly Query[]) =>
    form.packsOf(queries).map(rows => ({
      rows,
      headers: positionsNote(form.positionsOf(rows, queries)),
      body: () => form.requestAbout(rows, queries).body,
    }));
  const lane = dialect.lane?.({connection, address, path, headers, refusalAdvice: advice, bodyOf, packsOf});
  return {
    name,
    identity: packMatters
      ? {
          ...{adapter, service, path, ...headersInIdentity(options, headers)},
          ...{request: form.template, pack: {mapping: MAPPING, size}},
          ...(form.prompts.rotates && {rotates: true}),
        }
      : packing.at(1).identity,
    access,
    classes,
    detail,
    maxBatch: size,
    concurrency: options.concurrency ?? CONCURRENCY,
    service: chargedService<A>(
      options,
      {address, connection, models},
      {
        reader: {codes, reading: dialect.reader},
        read: (reply, count) => readReply(reply, count, reader),
        labelOf: text => parseLabel(text, {lists: [codes, classes], aliased: words.aliased}),
        refusal: (reply, inputs) => statusError(connection, reply, {advice, inputs}),
        receipt: reply => receiptOf(reply, dialect),
        worstCase: queries =>
          totalBound(form.requestsFor(queries).map(({body}) => mostTokens(dialect.cost, body, undefined, imageTokens))),
        leastCase: queries => totalUsage(form.requestsFor(queries).map(leastOf)),
        ...(unbounded && {unbounded}),
        fillsPromptCache: fillsPromptCache(form.template),
        note: reply => noteOn(reply, reader),
        probe: chatProbe({
          ...{dialect, settings: form.settings, isHeld: completion => form.isHeld(completion)},
          stepsOf: completion => fieldsIn(completion)[0]?.steps,
          ...(warmed && {atTemperature}),
          ...ways,
        }),
        ...(lane && {lane}),
      },
    ),
    ask: askByForm<A, PackedRequest>(form, {
      ...{connection, url, headers, advice},
      read: (reply, {rows}) => readReply(reply, rows.length, reader),
      noted: (reply, {positions}) => withPositions(reply, positions),
    }),
  };
}

/** The fewest tokens of a request: an answer has one for each input. */
function leastOf({prompt, rows}: PackedRequest) {
  return {...leastTokens(prompt), outputTokens: rows.length};
}
