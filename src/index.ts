/**
 * What a first program needs: recipes, studies, training, serving, and the most common parts of each subject.
 *
 * @module
 */

export {type Asking, type AskingOptions, type OpenTeacher, openAsking, type SharedAsking} from './ask/asking.ts';
export {askEach, type TakeOutcomes} from './ask/batches.ts';
export type {Budget} from './ask/budget/budget.ts';
export type {BudgetLimit, Spending} from './ask/budget/limit.ts';
export {type Collection, type CollectOptions, collect, collectAnswered, type Missing} from './ask/collect.ts';
export type {DriftOptions} from './ask/drift.ts';
export type {RecordMode} from './ask/keep/record.ts';
export type {LaneChoice} from './ask/lane/lane-layers.ts';
export type {LayeredTeacher, LayerOptions} from './ask/layer.ts';
export type {Ledger, LedgerSnapshot} from './ask/ledger.ts';
export type {Estimate} from './ask/plan/cost.ts';
export {type AskPlan, type PlanOptions, planAsking} from './ask/plan/plan.ts';
export type {StackOptions} from './ask/stack-options.ts';
export {stack} from './ask/teacher-stack.ts';
export type {AssistantOptions} from './assistant/assistant.ts';
export type {ImageReadingOptions} from './data/decode-images.ts';
export type {ImageInputs, Inputs, RecordInputs, TensorInputs, TextInputs} from './data/inputs.ts';
export type {ImageReading, Reading} from './data/reading.ts';
export type {RecordReading, RecordReadingOptions} from './data/record-reading.ts';
export {
  asSplit,
  type Dataset,
  type DrawOptions,
  drawExamples,
  type Examples,
  type HoldOutOptions,
  holdOut,
  type Role,
  type Split,
  type TransferSet,
  transferSet,
  type Unlabelled,
  type UnlabelledDataset,
} from './data/split.ts';
export type {TextReading} from './data/text-reading.ts';
export {type TextDataset, type TextDatasetOptions, textDataset} from './data/texts/dataset.ts';
export type {DuplicateOptions, Duplicates} from './data/texts/duplicates.ts';
export type {TextFormat} from './data/texts/format.ts';
export type {LengthRule} from './data/texts/gather.ts';
export {readTexts} from './data/texts/read.ts';
export type {ReadTextsOptions, TextFields, TextRecord} from './data/texts/record.ts';
export type {Shingling} from './data/texts/shingles.ts';
export {readTextSplits, type TextSplit, type TextSplits, type TextSplitsOptions} from './data/texts/splits.ts';
export type {Versions} from './data/versions.ts';
export type {View} from './data/view.ts';
export {type Engine, type EngineName, startEngine} from './engine/engine.ts';
export * from './errors.ts';
export type {DifferenceVerdict} from './evaluate/judge.ts';
export {type EvaluateOptions, type Evaluation, evaluateLogits, type Fidelity} from './evaluate/metrics.ts';
export {type ExportCardOptions, exportCard} from './export/card.ts';
export type {ChatOptions} from './export/forms.ts';
export {exportChat, exportRecords, type RecordOptions} from './export/knowledge.ts';
export {type ExportedOnnx, type ExportOnnxOptions, exportOnnx, type Int8Effect} from './export/onnx/export.ts';
export {type ExportedPage, type ExportPageOptions, exportPage} from './export/web.ts';
export type {Answers} from './knowledge/answers.ts';
export {loadKnowledge, saveKnowledge} from './knowledge/files.ts';
export type {Knowledge, StoredKnowledge} from './knowledge/knowledge.ts';
export {trueLabels} from './knowledge/knowledge.ts';
export {type OpenKnowledgeOptions, openKnowledge} from './knowledge/open-knowledge.ts';
export {type FeatureHintOptions, featureHint} from './losses/feature-hint.ts';
export {type HardLabelOptions, type HardLabelTermOptions, hardLabels} from './losses/hard-labels.ts';
export type {BatchOutputs, BatchTargets, LossTerm, PreparedTerm} from './losses/loss.ts';
export {type SoftLabelOptions, type SoftLabelTermOptions, softLabels} from './losses/soft-labels.ts';
export {type Rest, type TopKOptions, type TopKTermOptions, topKLabels} from './losses/top-k.ts';
export {type VoteLabelTermOptions, voteLabels} from './losses/vote-labels.ts';
export type {Condition, ConditionMeasure, ConditionScope, RecipeConditions} from './recipe/conditions.ts';
export {defineRecipe} from './recipe/define.ts';
export type {
  CalibrationOptions,
  FeatureAssistantOptions,
  Method,
  MethodViews,
  QuestionsMethod,
  Recipe,
  TeacherModel,
  TrainingOptions,
  TuneOptions,
} from './recipe/recipe.ts';
export type {Publication, PublishOptions, TeacherContext, TeacherSource} from './recipe/teacher-source.ts';
export type {ClassToWrite, WritingOptions} from './recipe/writing.ts';
export {keepSecret} from './secrets.ts';
export type {Selection, SelectOptions} from './select/options.ts';
export type {SelectionRound, ShareInterval, StopReason, StopRules} from './select/round.ts';
export {selectInRounds} from './select/select-in-rounds.ts';
export type {Candidates, Embeddings, Needs, Strategy} from './select/strategy.ts';
export type {CascadeMode, CascadeOptions} from './serve/cascade.ts';
export type {OtherModel} from './serve/served.ts';
export {type RunningService, type ServeOptions, serveTeacher} from './serve/server.ts';
export type {ServiceStatus} from './serve/status.ts';
export type {StandingChange, WatchedPromise} from './serve/watch.ts';
export type * from './service-features.ts';
export type * from './service-features.ts';
export {type AnswerStore, type AnswerStoreOptions, openAnswerStore, type StoredAnswer} from './store/store.ts';
export {type AsTeacherOptions, asTeacher} from './student/as-teacher.ts';
export {type EmbeddingHeadOptions, embeddingHead} from './student/embedding-head.ts';
export {type LoadOptions, loadStudent, saveStudent} from './student/files.ts';
export type {Gate} from './student/gate.ts';
export {type HashedNgramOptions, hashedNgrams} from './student/hashed-ngrams.ts';
export type {InferenceOptions} from './student/inference.ts';
export {type LenetOptions, lenet} from './student/lenet.ts';
export {type MlpOptions, mlp} from './student/mlp.ts';
export {type PredictOptions, predictLogits} from './student/predict.ts';
export type {Preprocessing} from './student/preprocessing.ts';
export {type ResnetCifarOptions, resnetCifar} from './student/resnet-cifar.ts';
export {standardiseColumns} from './student/standardise-columns.ts';
export {type StaticEmbeddingOptions, staticEmbedding} from './student/static-embedding.ts';
export type {
  Calibration,
  Guarantee,
  Preparation,
  PrepareOptions,
  Student,
  StudentBuilder,
  Task,
} from './student/student.ts';
export {type SubwordCnnOptions, subwordCnn} from './student/subword-cnn.ts';
export {type AuditOptions, audit} from './study/audit/audit.ts';
export type {Audit, AuditedStratum} from './study/audit/measure.ts';
export {type CompareOptions, compare} from './study/compare.ts';
export {compareQuestions} from './study/joint/compare.ts';
export {readQuestionsResults} from './study/joint/files.ts';
export type {
  JointMethodResult,
  JointResults,
  MeasuredStudent,
  QuestionResults,
  QuestionsResults,
} from './study/joint/results.ts';
export type {StudentChoice, Trial, Tuning} from './study/methods.ts';
export {probeStudy, type StudyProbe, type StudyProbeOptions} from './study/probe.ts';
export {readResults} from './study/read-results.ts';
export type {MethodResult, ResultRow, Results, StudentShape, WrittenInputs} from './study/results.ts';
export type {StudyOptions, StudyProgress} from './study/study.ts';
export {resultsTable, type TableOptions} from './study/table.ts';
export type * from './teacher.ts';
export {type AdamOptions, adam, type Optimizer, type SgdOptions, sgd} from './train/optimizer.ts';
export type {CheckpointOptions, Epoch, QuestionEpoch, TrainOptions} from './train/options.ts';
export {describeProfile, type Profile} from './train/profile.ts';
export {
  type CosineDecayOptions,
  constantRate,
  cosineDecay,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  type WarmUp,
} from './train/schedule.ts';
export {train} from './train/train.ts';
export type {Fit, JointFit} from './train/trend.ts';
export type {JointSplit, Measured} from './train/validation.ts';
export type * from './writer.ts';
