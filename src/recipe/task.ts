import {decodeImages, type ImageReadingOptions, imageReadingFor} from '../data/decode-images.ts';
import type {ImageInputs} from '../data/inputs.ts';
import {type ImageReading, shapeRead} from '../data/reading.ts';
import {type RecordReadingOptions, recordReadingFor} from '../data/record-reading.ts';
import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Preprocessing} from '../student/preprocessing.ts';
import {standardiseColumns} from '../student/standardise-columns.ts';
import type {Task} from '../student/student.ts';

/** How raw inputs become a student's. */
export interface TaskOptions {
  /**
   * How numbers become the student's. `'standardise'` gives each column of vectors, or each channel of images, a mean of 0
   * and a standard deviation of 1 over the training inputs. The student keeps it, so that it treats inputs alike wherever
   * it answers.
   *
   * @default values as they are; pixels of images divided by 255
   */
  readonly preprocessing?: Preprocessing | 'standardise' | undefined;
  /**
   * How images become pixels.
   *
   * @default the size of the training images if all have the same and it is small, else 32 × 32; in colour if one of them
   * is
   */
  readonly images?: ImageReadingOptions | undefined;
  /**
   * How records become numbers. Numbers are standardised, categories and texts are hashed.
   *
   * @default by the columns of the training records
   */
  readonly records?: RecordReadingOptions | undefined;
}

const KINDS = {
  preprocessing: kinds.textOrObject,
  images: kinds.object,
  records: kinds.object,
} satisfies Shape<TaskOptions>;

/** The task that a student of these data must fit. */
export async function taskOf(data: Dataset | UnlabelledDataset, options: TaskOptions = {}): Promise<Task> {
  checkOptions('taskOf', options, KINDS);
  const {
    classes,
    train: {inputs},
  } = data;
  const {preprocessing: given, images, records} = options;
  if (images !== undefined && inputs.kind !== 'image') throw unused('images');
  if (records !== undefined && inputs.kind !== 'record') throw unused('records');
  if (inputs.kind === 'image') {
    const reading = await imageReadingFor(inputs.images, images);
    const preprocessing =
      given === 'standardise' ? await standardiseChannels(inputs, reading) : (given ?? {scale: 1 / 255});
    return {classes, reading, inputShape: shapeRead(reading), preprocessing, dtype: 'uint8'};
  }
  if (inputs.kind === 'record') {
    const reading = recordReadingFor(inputs.records, records);
    // The reading standardises their numbers.
    return {
      classes,
      reading,
      inputShape: shapeRead(reading),
      preprocessing: given === 'standardise' ? {} : (given ?? {}),
    };
  }
  const preprocessing = given === 'standardise' ? standardiseColumns(inputs) : (given ?? {});
  if (inputs.kind === 'text') return {classes, kind: 'text', inputShape: [], preprocessing};
  return {classes, inputShape: inputs.shape, preprocessing, dtype: inputs.dtype};
}

async function standardiseChannels({images}: ImageInputs, reading: ImageReading): Promise<Preprocessing> {
  const pixels = await decodeImages(images, reading);
  const {channels} = reading;
  return standardiseColumns({...pixels, shape: [channels], count: pixels.data.length / channels});
}

function unused(option: 'images' | 'records'): InputError {
  return new InputError(`\`${option}\` says how ${option} are read, and the inputs are none. Leave it out.`);
}
