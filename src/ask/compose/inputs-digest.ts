import {hash} from 'node:crypto';
import {type Inputs, inputAt} from '../../data/inputs.ts';
import {digestQuery} from '../../store/key.ts';

/**
 * SHA-256, in hexadecimal, of inputs in their order, for the identity of a teacher that is made with them.
 *
 * @param labels - of each input, if they have labels
 */
export function digestInputs(inputs: Inputs, labels?: ArrayLike<number>): string {
  const rows = Array.from({length: inputs.count}, (_, index) => {
    const {dtype, shape, bytes} = digestQuery({input: inputAt(inputs, index)});
    return `${dtype} ${shape.join(',')} ${bytes} ${labels?.[index] ?? ''}`;
  });
  return hash('sha256', rows.join('\n'));
}
