import {CLOCK, RedisScript, type ScriptClient} from '../../store/redis-script.ts';
import {type Amounts, type BudgetLimit, entryOf, most} from '../budget/limit.ts';
import {NANO_DOLLARS} from '../budget/price.ts';

/** The number is that of the form of the fields. */
const PREFIX = 'limbeck-budget:1:';

/** Milliseconds after which a process that says nothing has ended: what it reserved counts as spent. */
const ENDED_AFTER = 30_000;
/** Milliseconds after a restart of the server in which every process tells what it knows, and nothing is reserved. */
const GRACE = 3000;
/** Milliseconds after which a budget that nobody uses is forgotten. */
const FORGOTTEN_AFTER = 90 * 86_400_000;

const KINDS = ['calls', 'tokens', 'usd'] as const;

/** Begins the budget of a run, or goes on with it. With `set` its limits become those given; an empty one is no limit. */
const OPEN = new RedisScript(`${CLOCK}
  redis.call('HSETNX', KEYS[1], 'opened', digits(now))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  if ARGV[3] ~= 'set' then return end
  for index, kind in ipairs({'calls', 'tokens', 'usd'}) do
    local limit = ARGV[index + 3]
    if limit == '' then redis.call('HDEL', KEYS[1], 'limit ' .. kind)
    else redis.call('HSET', KEYS[1], 'limit ' .. kind, limit) end
  end`);

/**
 * Tells what a process has spent and reserved, as sums since it began, so that telling it twice changes nothing, and what
 * the server has forgotten is there again. Reserves for the first requests that fit.
 */
const RESERVE = new RedisScript(`${CLOCK}
  local key, id = KEYS[1], ARGV[2]
  local flat, fields = redis.call('HGETALL', key), {}
  for index = 1, #flat, 2 do fields[flat[index]] = flat[index + 1] end
  if not fields['opened'] then return {'lost'} end
  local excess = fields['excess'] or ''
  if excess ~= ARGV[5] then return {'excess', excess} end
  if ARGV[6] ~= '' then
    excess = ARGV[6]
    redis.call('HSET', key, 'excess', excess)
  end
  redis.call('PEXPIRE', key, ARGV[4])
  local spent, held, limits, others = {0, 0, 0}, {0, 0, 0}, {}, 0
  for index, kind in ipairs({'calls', 'tokens', 'usd'}) do limits[index] = fields['limit ' .. kind] or '' end
  local function numbers(text)
    local list = {}
    for number in string.gmatch(text, '%S+') do list[#list + 1] = tonumber(number) end
    return list
  end
  local function add(sums, list, from)
    for index = 1, 3 do sums[index] = sums[index] + list[from + index] end
  end
  for field, text in pairs(fields) do
    if field == 'left' then
      add(spent, numbers(text), 0)
    elseif string.sub(field, 1, 7) == 'member ' and field ~= 'member ' .. id then
      local list = numbers(text)
      add(spent, list, 1)
      add(list[1] > now - ARGV[3] and held or spent, list, 4)
      others = others + 1
    end
  end
  if ARGV[1] == 'fresh' and others > 0 then
    fields['restarted'] = digits(now)
    redis.call('HSET', key, 'restarted', digits(now))
  end
  local own = {}
  for index = 1, 6 do own[index] = tonumber(ARGV[index + 7]) end
  add(spent, own, 0)
  add(held, own, 3)
  if ARGV[7] == 'leave' then
    local left = numbers(fields['left'] or '0 0 0')
    add(left, own, 0)
    add(left, own, 3)
    redis.call('HSET', key, 'left', digits(left[1]) .. ' ' .. digits(left[2]) .. ' ' .. digits(left[3]))
    redis.call('HDEL', key, 'member ' .. id)
    return {'left'}
  end
  local wait = math.max(0, tonumber(fields['restarted'] or '0') + ARGV[14] - now)
  local granted = 0
  for from = 14, wait == 0 and #ARGV - 3 or 0, 3 do
    local fits = true
    for index = 1, 3 do
      local sum = spent[index] + held[index] + tonumber(ARGV[from + index])
      if limits[index] ~= '' and sum > tonumber(limits[index]) then fits = false end
    end
    if not fits then break end
    for index = 1, 3 do
      local amount = tonumber(ARGV[from + index])
      held[index] = held[index] + amount
      own[index + 3] = own[index + 3] + amount
    end
    granted = granted + 1
  end
  local record = digits(now)
  for index = 1, 6 do record = record .. ' ' .. digits(own[index]) end
  redis.call('HSET', key, 'member ' .. id, record)
  local result = {'told', granted, wait, excess}
  for index = 1, 3 do result[index + 4] = digits(spent[index]) end
  for index = 1, 3 do result[index + 7] = limits[index] end
  result[11] = digits(held[1])
  return result`);

/** What a process has spent and reserved, as it reports to the server. */
export interface Statement {
  /** Sums since it began. */
  readonly spent: Amounts;
  readonly held: Amounts;
  /** What it knows that services charge beyond their limits, and what is new of it. */
  readonly excess: string;
  readonly newExcess?: string | undefined;
}

export type Verdict =
  /** The server knows of no such run. */
  | {readonly kind: 'lost'}
  /** Nothing was done, because others know of more excess. */
  | {readonly kind: 'excess'; readonly excess: string}
  | {
      readonly kind: 'told';
      /** For how many requests it was reserved, from the first on. */
      readonly granted: number;
      /** Milliseconds for which nothing is reserved. */
      readonly wait: number;
      readonly excess: string;
      /** By all processes. What ended ones had reserved counts. */
      readonly spent: Amounts;
      readonly limits: readonly BudgetLimit[];
      /** True if requests of any process are under way. */
      readonly isUnderWay: boolean;
    };

/** See `ENDED_AFTER` and `GRACE`. */
interface Times {
  readonly endedAfter: number;
  readonly grace: number;
}

/** The budget of a run in Redis. */
export class BudgetRecord {
  readonly #client: ScriptClient;
  readonly #key: string;
  readonly #id: string;
  readonly #endedAfter: number;
  readonly #grace: number;

  /**
   * @param id - of the process
   * @param times - for tests
   */
  constructor(client: ScriptClient, run: string, id: string, times: Times = {endedAfter: ENDED_AFTER, grace: GRACE}) {
    const {endedAfter, grace} = times;
    this.#client = client;
    this.#key = PREFIX + run;
    this.#id = id;
    this.#endedAfter = endedAfter;
    this.#grace = grace;
  }

  /** @param limits - @default those of the run */
  async open(limits?: readonly BudgetLimit[]): Promise<void> {
    const amounts = KINDS.map(kind => {
      const given = limits?.filter(limit => entryOf(limit)[0] === kind) ?? [];
      return given.length > 0 ? digits(Math.min(...given.map(most))) : '';
    });
    await OPEN.run(this.#client, this.#key, [String(FORGOTTEN_AFTER), limits ? 'set' : '', ...amounts]);
  }

  /** Tells, and reserves for requests, in order. */
  async tell(statement: Statement, requests: readonly Amounts[]): Promise<Verdict> {
    const result = (await this.#run(statement, '', requests.flatMap(valuesOf))) as string[];
    const [kind, ...values] = result;
    if (kind === 'lost') return {kind};
    if (kind === 'excess') return {kind, excess: values[0]!};
    const [granted, wait, excess, ...amounts] = values as [string, string, string, ...string[]];
    const limits = KINDS.flatMap((name, index): BudgetLimit[] => {
      const limit = amounts[index + 3]!;
      return limit === ''
        ? []
        : [{[name]: Number(limit) / (name === 'usd' ? NANO_DOLLARS : 1)} as unknown as BudgetLimit];
    });
    const [calls, tokens, usd] = amounts.map(Number) as [number, number, number];
    return {
      kind: 'told',
      ...{granted: Number(granted), wait: Number(wait), excess, spent: {calls, tokens, usd}, limits},
      isUnderWay: Number(amounts[6]) > 0,
    };
  }

  /** Tells for the last time. What is still reserved counts as spent. */
  async leave(statement: Statement): Promise<Extract<Verdict, {kind: 'excess'}> | undefined> {
    const [kind, excess] = (await this.#run(statement, 'leave', [])) as [string, string];
    return kind === 'excess' ? {kind, excess} : undefined;
  }

  #run({spent, held, excess, newExcess = ''}: Statement, leave: string, requests: readonly string[]): Promise<unknown> {
    const times = [String(this.#endedAfter), String(FORGOTTEN_AFTER)];
    const own = [...valuesOf(spent), ...valuesOf(held)];
    const values = [this.#id, ...times, excess, newExcess, leave, ...own, String(this.#grace), ...requests];
    return RESERVE.run(this.#client, this.#key, values);
  }
}

function valuesOf(amounts: Amounts): readonly string[] {
  return KINDS.map(kind => digits(amounts[kind]));
}

/** A whole number, without an exponent. */
function digits(amount: number): string {
  return BigInt(Math.ceil(amount)).toString();
}
