import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import type {Task} from '../student/student.ts';

/** What a student of these data must fit. */
export function taskOf(
  {classes, train: {inputs}}: Dataset | UnlabelledDataset,
  preprocessing: Task['preprocessing'] = {},
): Task {
  if (inputs.kind === 'text') return {classes, kind: 'text', inputShape: [], preprocessing};
  return {classes, inputShape: inputs.shape, preprocessing, dtype: inputs.dtype};
}
