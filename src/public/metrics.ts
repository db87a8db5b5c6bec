/**
 * Metrics, calibration, guarantees and verdicts, from logits and labels.
 *
 * @module
 */

export {argmaxRows, logSoftmaxRows, softmaxRows} from '../data/arrays.ts';
export {
  type CheckedDifference,
  type CheckedStratum,
  type ShareDifference,
  type ShareRight,
  shareDifference,
  shareRight,
} from '../evaluate/audit.ts';
export {
  balancedAccuracy,
  type ClassMetrics,
  type ConfusionCounts,
  classMetrics,
  confusionCounts,
  macroF1,
} from '../evaluate/by-class.ts';
export {
  type Cascaded,
  type CoveragePoint,
  cascaded,
  coverageCurve,
  type JudgedAnswer,
  judgedAnswers,
} from '../evaluate/calibration.ts';
export {compareScores, type Difference, type SeedScores} from '../evaluate/compare-scores.ts';
export {
  classRelation,
  intraClassVariance,
  relationCorrelation,
  summariseTargets,
  type TargetSummary,
  type TargetSummaryOptions,
} from '../evaluate/effects.ts';
export {
  type BudgetScores,
  type Cheapest,
  type CostCurve,
  cheapest,
  type Exchange,
  type ExchangeOptions,
  exchangeRate,
} from '../evaluate/exchange-rate.ts';
export {
  answersNeeded,
  type CascadeTarget,
  type Certified,
  type CertifyOptions,
  certify,
} from '../evaluate/guarantee.ts';
export {type DifferenceVerdict, holm, type Judgement, type JudgeOptions, judge} from '../evaluate/judge.ts';
export {judgePairs, type MethodCurve, type PairJudgement} from '../evaluate/judge-pairs.ts';
export {type McNemarOptions, mcnemar} from '../evaluate/mcnemar.ts';
export {
  accuracy,
  agreement,
  agreementWhereTeacherErrs,
  brier,
  brierToTeacher,
  type EvaluateOptions,
  type Evaluation,
  evaluateLogits,
  type Fidelity,
  type JointAgreement,
  jointAgreement,
  meanEntropy,
  meanKl,
  nll,
  overconfidence,
  type TemperatureOptions,
  totalVariation,
} from '../evaluate/metrics.ts';
export {
  type MultiLabelMetrics,
  multiLabelMetrics,
  type PredicateMetrics,
  predicateMetrics,
  yesEce,
  yesReliability,
} from '../evaluate/predicates.ts';
export {
  auroc,
  averagePrecision,
  bestThreshold,
  type MeanOverPredicates,
  macroAuroc,
  meanAveragePrecision,
} from '../evaluate/ranking.ts';
export {adaptiveEce, ece, type ReliabilityBin, type ReliabilityOptions, reliability} from '../evaluate/reliability.ts';
export {
  type DistanceMetrics,
  expectedLevels,
  levelDistances,
  medianLevels,
  quadraticWeightedKappa,
  rankedProbabilityScore,
  type ScoreMetrics,
  scoreMetrics,
  wasserstein1,
} from '../evaluate/scores.ts';
export {evaluateVectors, type VectorMetrics, type VectorsToEvaluate} from '../evaluate/vectors.ts';
export {type FitTemperatureOptions, fitTemperature} from '../knowledge/fit-temperature.ts';
