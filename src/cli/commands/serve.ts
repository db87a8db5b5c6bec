import {Command, InvalidArgumentError, Option} from 'commander';
import type {CascadeMode} from '../../serve/cascade.ts';
import {budgetOption, levelOption, port, positive, waitOption, withCacheFlag, withJson} from './flags.ts';

const CASCADE_MODES: readonly CascadeMode[] = ['shadow', 'cascade', 'student'];

/** `limbeck serve MODEL` serves a saved model and shows no more of it than an access level allows. */
export function serveCommand(): Command {
  const command = withJson(new Command('serve'))
    .description(
      'serve a saved model over HTTP: Open Inference (v2), /classify, OpenAI’s chat protocol (/v1), and typed questions ' +
        '(/v1/decisions, /v1/systemone)',
    )
    .argument('<model>', 'the folder of a saved model, or NAME=FOLDER')
    .argument('[others...]', 'further models that answer typed questions, each with a name of its own')
    .addOption(
      new Option('--access <level>', 'show scores, or only labels')
        .choices(['gray-box', 'black-box'])
        .default('gray-box'),
    )
    .option('--top-k <k>', 'show only the k most probable classes (gray-box)', positive)
    .option('--threshold <p>', 'mark answers less probable than this (default: the model’s own threshold)', share)
    .option('--question <name>', 'serve only this question of a model that answers several')
    .option('--name <name>', 'name of the model in addresses (default: its folder’s)')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--allow-host <name>', 'a further name that the Host header may hold; can be repeated', addText)
    .option(
      '--origin <origin>',
      'let web pages of this origin use it, such as https://a.example; can be repeated',
      addText,
    )
    .option('--port <port>', 'port to listen on; 0 chooses a free one', port, 8080)
    .option(
      '--prompt <prompt>',
      'the prompt of chats, with {text} as the placeholder of the text; or a /regular expression/',
    )
    .option('--max-body <size>', 'the largest body of a request, for example 2MB', bytes, 16 * 2 ** 20)
    .option(
      '--max-bodies <size>',
      'the most that all bodies under way take together (default: 8 of the largest)',
      bytes,
    )
    .option('--max-inputs <count>', 'inputs that one request may hold (default: 1024)', positive)
    .option('--rate <count>', 'inputs that one client may send in a minute; a request counts as one at least', positive)
    .option('--max-waiting <count>', 'inputs that may wait for the model before requests are refused', positive);
  return withTeacherFlags(command)
    .addHelpText(
      'after',
      '\nIf the environment variable LIMBECK_SERVE_KEY is set, clients must send that key as a bearer token. It can hold several, with ' +
        'commas between them.',
    )
    .action(async (model, others, flags) => (await import('../serve.ts')).runServe(model, others, flags));
}

function withTeacherFlags(command: Command): Command {
  const asked = command
    .option('--teacher <recipe>', 'ask this recipe’s teacher if the model is less sure than its threshold')
    .addOption(levelOption('which of its teachers (default: that of its last method)'));
  return withCacheFlag(asked)
    .addOption(budgetOption('the most to spend on it, for example 5usd; can be repeated'))
    .addOption(waitOption())
    .addOption(
      new Option(
        '--mode <mode>',
        'who answers: always the teacher, the model if it is sure, or always the model',
      ).choices(CASCADE_MODES),
    )
    .option(
      '--audit <share>',
      'ask it also about this share of all inputs, drawn at random, at its usual cost; a model that breaks its promise ' +
        'is demoted (default: 0.02)',
      share,
    )
    .addOption(new Option('--check <share>').argParser(share).hideHelp())
    .option('--agreement <p>', 'the promise that audits hold the model to (default: its own guarantee)', promised)
    .option(
      '--watch <file>',
      'the file that keeps whether it is demoted (default: MODEL.watch.json, next to its folder); one for each of several questions',
    )
    .option(
      '--patience <seconds>',
      'how long to wait for it before the model’s own answer is sent (default: 20)',
      positive,
    )
    .option(
      '--traffic <file>',
      'keep the texts that were put to it, with its answers, to train on; in a file for each of several questions',
    )
    .option('--traffic-limit <size>', 'the largest size of this file', bytes, 256 * 2 ** 20);
}

function promised(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Give a number above 0 and below 1, for example 0.97.');
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a number from 0 to 1.');
  return value;
}

const UNITS = {'': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30} as const;

function bytes(text: string): number {
  const [, digits, unit = ''] = /^([1-9]\d*)\s*([KMG]?)B?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('Give a size above 0, for example 500kB or 2MB.');
  return Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS];
}

function addText(text: string, others: readonly string[] = []): readonly string[] {
  return [...others, text];
}

/** `limbeck status URL` reports the state of a service of `limbeck serve`. */
export function statusCommand(): Command {
  return withJson(new Command('status'))
    .description(
      'report the state of a service of `limbeck serve`: coverage, agreement, calls and money saved, demoted or not',
    )
    .argument('<url>', 'its address, such as http://127.0.0.1:8080')
    .addHelpText(
      'after',
      '\nIf the service requires a key, set LIMBECK_SERVE_KEY. If it holds several, the first is sent.',
    )
    .action(async (url, flags) => (await import('../status.ts')).runStatus(url, flags));
}
