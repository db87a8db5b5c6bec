import {InputError} from '../../src/errors.ts';
import {loadPeer} from '../_local/peer.ts';

/** What is used of @huggingface/jinja. */
interface Jinja {
  readonly Template: new (template: string) => {render(values: object): string};
}

/**
 * Reads a model's chat template as its makers wrote it. node-llama-cpp's own way renders messages alone and takes out
 * empty thoughts, with which some models are told to answer at once.
 *
 * @throws InputError where the package isn't installed, or can't read the template
 */
export async function chatTemplate(source: string): Promise<(values: object) => string> {
  const {Template} = await loadPeer<Jinja>('@huggingface/jinja', 'llama');
  try {
    // Some templates tell the model today's date, so that tomorrow's answer to the same question would be another one.
    const template = new Template(source.replaceAll(/\bstrftime_now\b/g, 'same_day_always'));
    return values => template.render({...values, same_day_always: day});
  } catch (cause) {
    throw new InputError(
      `The model's chat template can't be read: ${(cause as Error).message}. Give \`template: 'none'\` and a \`prompt\` in the model's format.`,
      {cause},
    );
  }
}

/** The 26th of July 2024, the day that the templates of Llama 3 take where they are told none. */
const DAY: Readonly<Record<string, string>> = {
  '%Y': '2024',
  '%y': '24',
  '%m': '07',
  '%-m': '7',
  '%b': 'Jul',
  '%B': 'July',
  '%d': '26',
  '%-d': '26',
  '%a': 'Fri',
  '%A': 'Friday',
  '%H': '12',
  '%I': '12',
  '%p': 'PM',
  '%M': '00',
  '%S': '00',
  '%%': '%',
};

function day(format: string): string {
  return format.replaceAll(/%-?[a-zA-Z%]/g, code => DAY[code] ?? code);
}
