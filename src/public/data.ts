/**
 * Data sets, texts, views of inputs, and knowledge: the answers that students learn from.
 *
 * @module
 */

export {type Cifar, type CifarFolder, readCifar} from '../data/cifar.ts';
export type {ImageReadingOptions} from '../data/decode-images.ts';
export type {ExampleCard, ExampleOptions, ReadDataset, ReadExample} from '../data/examples.ts';
export {type IdxArray, type IdxFiles, readIdx, readIdxArray} from '../data/idx.ts';
export {
  type ImageDatasetOptions,
  imageDataset,
  type ReadImage,
  type ReadImagesOptions,
  readImages,
} from '../data/images.ts';
export {
  type ImageInputs,
  type Inputs,
  inputAt,
  type RecordInputs,
  selectInputs,
  type TensorInputs,
  type TextInputs,
} from '../data/inputs.ts';
export {type CutMixOptions, cutMix, type MixUpOptions, mixUp} from '../data/mixed-view.ts';
export type {ImageReading, Reading} from '../data/reading.ts';
export type {
  HashedColumn,
  NumberColumn,
  RecordColumn,
  RecordReading,
  RecordReadingOptions,
} from '../data/record-reading.ts';
export {
  type ReadRecord,
  type ReadRecordsOptions,
  type RecordDatasetOptions,
  readRecords,
  recordDataset,
} from '../data/records.ts';
export {
  type RecordShardsOptions,
  recordShards,
  type ShardedDataset,
  type ShardedInputs,
  type TextShardsOptions,
  textShards,
} from '../data/shards/dataset.ts';
export {
  asSplit,
  type Dataset,
  type DrawOptions,
  drawExamples,
  type Examples,
  type HoldOutOptions,
  holdOut,
  isLabelled,
  type Role,
  type Split,
  selectSplit,
  type TransferSet,
  transferSet,
  type Unlabelled,
  type UnlabelledDataset,
} from '../data/split.ts';
export type {TextReading} from '../data/text-reading.ts';
export {describeTexts, type TextCard} from '../data/texts/card.ts';
export {type TextDataset, type TextDatasetOptions, textDataset} from '../data/texts/dataset.ts';
export {type DuplicateOptions, type Duplicates, findDuplicates} from '../data/texts/duplicates.ts';
export type {TextFormat} from '../data/texts/format.ts';
export type {LengthRule} from '../data/texts/gather.ts';
export {readTexts} from '../data/texts/read.ts';
export type {ReadTextsOptions, TextFields, TextRecord} from '../data/texts/record.ts';
export type {Shingling} from '../data/texts/shingles.ts';
export {readTextSplits, type TextSplit, type TextSplits, type TextSplitsOptions} from '../data/texts/splits.ts';
export {type VersionOptions, type Versions, versionsOf} from '../data/versions.ts';
export {type CropOptions, crop, flip, type NoiseOptions, noise, type View, views} from '../data/view.ts';
export type {EncodeOptions, Encoder, Pooling} from '../encoder/encoder.ts';
export {openEncoder} from '../encoder/open.ts';
export type {Answers} from '../knowledge/answers.ts';
export {loadKnowledge, saveKnowledge} from '../knowledge/files.ts';
export type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
export {coarsenKnowledge, trueLabels} from '../knowledge/knowledge.ts';
export {type OpenKnowledgeOptions, openKnowledge} from '../knowledge/open-knowledge.ts';
