/**
 * Losses of distillation: terms for `train` and for the methods of a recipe, and the pure functions under them.
 *
 * @module
 */

export {type AttentionTransferOptions, attentionLoss, attentionTransfer} from '../losses/attention-transfer.ts';
export {
  type BinaryCrossEntropyOptions,
  binaryBrierLoss,
  binaryCrossEntropyLoss,
  binaryIntervalLoss,
} from '../losses/binary-cross-entropy.ts';
export {type CentredLogitTermOptions, centredLogitLoss, centredLogits} from '../losses/centred-logits.ts';
export {type DistOptions, type DistTermOptions, dist, distLoss} from '../losses/dist.ts';
export {type DkdOptions, type DkdTermOptions, dkd, dkdLoss} from '../losses/dkd.ts';
export {type FeatureHintOptions, featureHint} from '../losses/feature-hint.ts';
export {type HardLabelOptions, type HardLabelTermOptions, hardLabelLoss, hardLabels} from '../losses/hard-labels.ts';
export {
  type JensenShannonOptions,
  type JensenShannonTermOptions,
  jensenShannon,
  jensenShannonLoss,
} from '../losses/jensen-shannon.ts';
export {type LearnedTemperatureOptions, learnedTemperature} from '../losses/learned-temperature.ts';
export {exceedanceLoss, type LevelTermOptions, levelLabels} from '../losses/level-labels.ts';
export type {LogitBatch, LogitTerm} from '../losses/logit-term.ts';
export type {BatchOutputs, BatchTargets, LossTerm, PreparedTerm} from '../losses/loss.ts';
export {type NkdOptions, type NkdTermOptions, nkd, nkdLoss} from '../losses/nkd.ts';
export {
  coralLevels,
  coralLoss,
  coralProbabilities,
  cumulativeLinkLogits,
  cumulativeLinkLoss,
  cutPoints,
} from '../losses/ordinal.ts';
export {type PktOptions, pkt, pktLoss} from '../losses/pkt.ts';
export {type QuantisedOptions, quantised} from '../losses/quantised.ts';
export {type RkdOptions, type RkdTermOptions, rkd, rkdLoss} from '../losses/rkd.ts';
export {meanOverQuestions, type QuestionLoss, type RowWeights} from '../losses/rows.ts';
export {
  type ExpectedTermOptions,
  expectedLabels,
  expectedLevelLoss,
  rankedProbabilityLoss,
  type ScoreOptions,
  type ScoreTermOptions,
  scoreLabels,
  scoreLoss,
} from '../losses/score-labels.ts';
export {
  type SimilarityPreservingOptions,
  similarityLoss,
  similarityPreserving,
} from '../losses/similarity-preserving.ts';
export {type SoftLabelOptions, type SoftLabelTermOptions, softLabelLoss, softLabels} from '../losses/soft-labels.ts';
export {type FloorOptions, softProbabilityLoss} from '../losses/soft-probabilities.ts';
export {standardise, standardised} from '../losses/standardised.ts';
export {type Rest, type TopKOptions, type TopKTermOptions, topKLabels, topKLoss} from '../losses/top-k.ts';
export {type TtmOptions, type TtmTermOptions, ttm, ttmLoss} from '../losses/ttm.ts';
export {
  type SimilarityKlOptions,
  similarityKl,
  similarityKlLoss,
  vectorCosine,
  vectorCosineLoss,
  vectorError,
  vectorErrorLoss,
} from '../losses/vector-losses.ts';
export type {VectorTermOptions} from '../losses/vector-pair.ts';
export {type VoteLabelTermOptions, voteLabels} from '../losses/vote-labels.ts';
