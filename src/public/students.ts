/**
 * Students: builders, files, predictions, and the page, the ONNX model and the card of one.
 *
 * @module
 */

export type {BrowserPrediction, BrowserStudent} from '../export/browser/student.ts';
export {type ExportCardOptions, exportCard} from '../export/card.ts';
export {type ExportedOnnx, type ExportOnnxOptions, exportOnnx, type Int8Effect} from '../export/onnx/export.ts';
export {type ExportedPage, type ExportPageOptions, exportPage} from '../export/web.ts';
export {type TaskOptions, taskOf} from '../recipe/task.ts';
export {type AsTeacherOptions, asTeacher} from '../student/as-teacher.ts';
export {type EmbeddingHeadOptions, embeddingHead} from '../student/embedding-head.ts';
export {type LoadOptions, loadStudent, saveStudent, weightsHash} from '../student/files.ts';
export {fitGate, type Gate} from '../student/gate.ts';
export {type HashedNgramOptions, hashedNgrams} from '../student/hashed-ngrams.ts';
export {headOf, withHeads} from '../student/heads.ts';
export type {InferenceOptions} from '../student/inference.ts';
export {type LenetOptions, lenet} from '../student/lenet.ts';
export {makeStudent} from '../student/make-student.ts';
export {type MlpOptions, mlp} from '../student/mlp.ts';
export {type PredictOptions, predictLogits} from '../student/predict.ts';
export type {Preprocessing} from '../student/preprocessing.ts';
export {type ResnetCifarOptions, resnetCifar} from '../student/resnet-cifar.ts';
export {standardiseColumns} from '../student/standardise-columns.ts';
export {type StaticEmbeddingOptions, staticEmbedding} from '../student/static-embedding.ts';
export type {
  Calibration,
  Guarantee,
  Head,
  Preparation,
  PrepareOptions,
  Student,
  StudentBuilder,
  Task,
} from '../student/student.ts';
export {type SubwordCnnOptions, subwordCnn} from '../student/subword-cnn.ts';
export {vectorTeacher, withVectors} from '../student/vectors.ts';
