export {type Asking, type AskingOptions, type OpenTeacher, openAsking} from './ask/asking.ts';
export {withBatches} from './ask/batches.ts';
export {type Budget, createBudget} from './ask/budget/budget.ts';
export {type BudgetLimit, parseBudget, type Spending} from './ask/budget/limit.ts';
export {
  answersTo,
  type Collection,
  type CollectOptions,
  collect,
  collectAnswered,
  type Missing,
} from './ask/collect.ts';
export {type BoundaryOptions, boundary} from './ask/compose/boundary.ts';
export type {BoundaryForm} from './ask/compose/boundary-targets.ts';
export {type CalibratedOptions, type CalibrationFit, calibrated} from './ask/compose/calibrated.ts';
export type {Sureness} from './ask/compose/cascade.ts';
export {cascade} from './ask/compose/cascade.ts';
export {
  type DawidSkeneFit,
  type DawidSkeneOptions,
  dawidSkene,
  type LabelModel,
} from './ask/compose/dawid-skene.ts';
export {type EnsembleOptions, ensemble} from './ask/compose/ensemble.ts';
export {type LabelModelOptions, labelModel} from './ask/compose/label-model.ts';
export type {Paraphrase} from './ask/compose/repeat.ts';
export {type RepeatOptions, repeat} from './ask/compose/repeat.ts';
export type {StopRule} from './ask/compose/sure-lead.ts';
export type {Noise, Transforms} from './ask/compose/transform.ts';
export {type DegradeOptions, degrade} from './ask/degrade.ts';
export type {DriftOptions} from './ask/drift.ts';
export {askEach, type TakeOutcomes} from './ask/each.ts';
export type {RecordMode} from './ask/keep/record.ts';
export type {LaneChoice} from './ask/lane/lane-layers.ts';
export type {LayeredTeacher, LayerOptions} from './ask/layer.ts';
export {createLedger, type Ledger, type LedgerSnapshot} from './ask/ledger.ts';
export type {Estimate} from './ask/plan/cost.ts';
export {type AskPlan, type PlanOptions, planAsking} from './ask/plan/plan.ts';
export {probeTeacher} from './ask/probe/probe.ts';
export type {ProbeOptions, TeacherProbe} from './ask/probe/teacher-probe.ts';
export {FIRST_ANSWER_WITHIN, FirstAnswer} from './ask/refusals/first-answer.ts';
export {type RetryOptions, withRetry} from './ask/retry.ts';
export {type StackOptions, stack} from './ask/teacher-stack.ts';
export {type Cifar, type CifarFolder, readCifar} from './data/cifar.ts';
export {type IdxArray, type IdxFiles, readIdx, readIdxArray} from './data/idx.ts';
export {type Inputs, inputAt, selectInputs, type TensorInputs, type TextInputs} from './data/inputs.ts';
export {type CutMixOptions, cutMix, type MixUpOptions, mixUp} from './data/mixed-view.ts';
export {type NoiseOptions, noise} from './data/noise-view.ts';
export {
  asSplit,
  type Dataset,
  type DrawOptions,
  draw,
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
} from './data/split.ts';
export type {TextReading} from './data/text-reading.ts';
export {describeTexts, type TextCard} from './data/texts/card.ts';
export {type DuplicateOptions, type Duplicates, findDuplicates} from './data/texts/duplicates.ts';
export type {LengthRule} from './data/texts/length.ts';
export {readTexts} from './data/texts/read.ts';
export type {ReadTextsOptions, TextFields, TextFormat, TextRecord} from './data/texts/record.ts';
export type {Shingling} from './data/texts/shingles.ts';
export {
  readTextSplits,
  type TextDataset,
  type TextSplit,
  type TextSplits,
  type TextSplitsOptions,
  textDataset,
} from './data/texts/splits.ts';
export {type VersionOptions, type Versions, versionsOf} from './data/versions.ts';
export {type CropOptions, crop, flip, type View, views} from './data/view.ts';
export {type Engine, type EngineName, startEngine} from './engine/engine.ts';
export * from './errors.ts';
export {
  type CheckedDifference,
  type CheckedStratum,
  type ShareDifference,
  type ShareRight,
  shareDifference,
  shareRight,
} from './evaluate/audit.ts';
export {type Cascaded, cascaded} from './evaluate/calibration.ts';
export {compareScores, type Difference, type SeedScores} from './evaluate/compare-scores.ts';
export {argmaxRows, logSoftmaxRows, softmaxRows} from './evaluate/distributions.ts';
export {
  classRelation,
  intraClassVariance,
  relationCorrelation,
  summariseTargets,
  type TargetSummary,
  type TargetSummaryOptions,
} from './evaluate/effects.ts';
export {answersNeeded, type CascadeTarget, type Certified, type CertifyOptions, certify} from './evaluate/guarantee.ts';
export {type DifferenceVerdict, holm, type Judgement, type JudgeOptions, judge} from './evaluate/judge.ts';
export {type McNemarOptions, mcnemar} from './evaluate/mcnemar.ts';
export {
  accuracy,
  agreement,
  brier,
  type EvaluateOptions,
  type Evaluation,
  ece,
  evaluateLogits,
  type Fidelity,
  meanEntropy,
  meanKl,
  nll,
  overconfidence,
  type TemperatureOptions,
} from './evaluate/metrics.ts';
export {type ReliabilityBin, type ReliabilityOptions, reliability} from './evaluate/reliability.ts';
export type {BrowserPrediction, BrowserStudent} from './export/browser/student.ts';
export type {ChatOptions} from './export/forms.ts';
export {exportChat, exportRecords, type RecordOptions} from './export/knowledge.ts';
export {type ExportedPage, type ExportPageOptions, exportPage} from './export/web.ts';
export type {Answers} from './knowledge/answers.ts';
export {coarsen, satisfies} from './knowledge/coarsen.ts';
export {loadKnowledge, saveKnowledge} from './knowledge/files.ts';
export {type FitTemperatureOptions, fitTemperature} from './knowledge/fit-temperature.ts';
export type {Knowledge, StoredKnowledge} from './knowledge/knowledge.ts';
export {coarsenKnowledge} from './knowledge/knowledge.ts';
export {type OpenKnowledgeOptions, openKnowledge} from './knowledge/open-knowledge.ts';
export {trueLabels} from './knowledge/true-labels.ts';
export type * from './lane.ts';
export {type AttentionTransferOptions, attentionLoss, attentionTransfer} from './losses/attention-transfer.ts';
export {type CentredLogitTermOptions, centredLogitLoss, centredLogits} from './losses/centred-logits.ts';
export {type DistOptions, type DistTermOptions, dist, distLoss} from './losses/dist.ts';
export {type DkdOptions, type DkdTermOptions, dkd, dkdLoss} from './losses/dkd.ts';
export {type FeatureHintOptions, featureHint} from './losses/feature-hint.ts';
export {type HardLabelOptions, type HardLabelTermOptions, hardLabelLoss, hardLabels} from './losses/hard-labels.ts';
export {
  type JensenShannonOptions,
  type JensenShannonTermOptions,
  jensenShannon,
  jensenShannonLoss,
} from './losses/jensen-shannon.ts';
export {type LearnedTemperatureOptions, learnedTemperature} from './losses/learned-temperature.ts';
export type {LogitBatch, LogitTerm} from './losses/logit-term.ts';
export type {BatchOutputs, BatchTargets, LossTerm, PreparedTerm} from './losses/loss.ts';
export {type NkdOptions, type NkdTermOptions, nkd, nkdLoss} from './losses/nkd.ts';
export {type PktOptions, pkt, pktLoss} from './losses/pkt.ts';
export {type QuantisedOptions, quantised} from './losses/quantised.ts';
export {type RkdOptions, type RkdTermOptions, rkd, rkdLoss} from './losses/rkd.ts';
export {
  type SimilarityPreservingOptions,
  similarityLoss,
  similarityPreserving,
} from './losses/similarity-preserving.ts';
export {type SoftLabelOptions, type SoftLabelTermOptions, softLabelLoss, softLabels} from './losses/soft-labels.ts';
export {type FloorOptions, softProbabilityLoss} from './losses/soft-probabilities.ts';
export {standardise, standardised} from './losses/standardised.ts';
export {type Rest, type TopKOptions, type TopKTermOptions, topKLabels, topKLoss} from './losses/top-k.ts';
export {type TtmOptions, type TtmTermOptions, ttm, ttmLoss} from './losses/ttm.ts';
export {type VoteLabelTermOptions, voteLabels} from './losses/vote-labels.ts';
export {type Admission, type AdmissionOptions, createAdmission} from './pace/admission.ts';
export {defineRecipe} from './recipe/define.ts';
export type {
  CalibrationOptions,
  Method,
  MethodViews,
  Publication,
  PublishOptions,
  Recipe,
  TeacherContext,
  TeacherModel,
  TeacherSource,
  TrainingOptions,
  TuneOptions,
} from './recipe/recipe.ts';
export {keepSecret} from './secrets.ts';
export {balanced} from './select/balanced.ts';
export {type CurvePoint, errorAt, fitCurve, type LearningCurve} from './select/curve.ts';
export {type DisagreementOptions, disagreement} from './select/disagreement.ts';
export {entropy} from './select/entropy.ts';
export {type ExpectedGain, expectedGain, type GainOptions, type MeasuredRound} from './select/gain.ts';
export {kCenter} from './select/k-center.ts';
export {margin} from './select/margin.ts';
export type {ShareInterval} from './select/measure-round.ts';
export type {Selection, SelectOptions} from './select/options.ts';
export {random} from './select/random.ts';
export {describeRound, type SelectionRound} from './select/round.ts';
export {selectInRounds} from './select/select-in-rounds.ts';
export type {StopReason, StopRules} from './select/stop.ts';
export type {Candidates, Embeddings, Needs, Strategy} from './select/strategy.ts';
export type {CascadeMode, CascadeOptions} from './serve/cascade.ts';
export {type ServeOptions, type Service, serveTeacher} from './serve/server.ts';
export type {ServiceStatus} from './serve/status.ts';
export type {StandingChange, WatchedPromise} from './serve/watch.ts';
export type * from './service-probe.ts';
export {answerKey} from './store/key.ts';
export {type AnswerStore, type AnswerStoreOptions, openAnswerStore, type StoredAnswer} from './store/store.ts';
export {type AsTeacherOptions, asTeacher} from './student/as-teacher.ts';
export {type EmbeddingHeadOptions, embeddingHead} from './student/embedding-head.ts';
export {type LoadOptions, loadStudent, saveStudent, weightsHash} from './student/files.ts';
export {fitGate, type Gate} from './student/gate.ts';
export {type HashedNgramOptions, hashedNgrams} from './student/hashed-ngrams.ts';
export type {InferenceOptions} from './student/inference.ts';
export {type LenetOptions, lenet} from './student/lenet.ts';
export {makeStudent} from './student/make-student.ts';
export {type MlpOptions, mlp} from './student/mlp.ts';
export {type PredictOptions, predictLogits} from './student/predict.ts';
export type {Preprocessing} from './student/preprocessing.ts';
export {type ResnetCifarOptions, resnetCifar} from './student/resnet-cifar.ts';
export type {Calibration, Guarantee, Student, StudentBuilder, Task} from './student/student.ts';
export {type SubwordCnnOptions, subwordCnn} from './student/subword-cnn.ts';
export {type Audit, type AuditedStratum, type AuditOptions, audit} from './study/audit.ts';
export {compare} from './study/compare.ts';
export {probeStudy, type StudyProbe, type StudyProbeOptions} from './study/probe.ts';
export type {MethodResult, ResultRow, Results, StudentChoice, StudentShape, Trial, Tuning} from './study/results.ts';
export type {StudyOptions, StudyProgress} from './study/study.ts';
export {resultsTable, type TableOptions} from './study/table.ts';
export type * from './teacher.ts';
export {type AdamOptions, adam, type Optimizer, type SgdOptions, sgd} from './train/optimizer.ts';
export type {CheckpointOptions, Epoch, TrainOptions} from './train/options.ts';
export {describeProfile, type Profile} from './train/profile.ts';
export {
  type CosineOptions,
  constant,
  cosine,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
} from './train/schedule.ts';
export {train} from './train/train.ts';
