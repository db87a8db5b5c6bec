/**
 * Asking teachers: layers, budgets, ledgers, stores of answers, and teachers made of others.
 *
 * @module
 */

export {type Asking, type AskingOptions, type OpenTeacher, openAsking, type SharedAsking} from '../ask/asking.ts';
export {askEach, type TakeOutcomes, withBatches} from '../ask/batches.ts';
export {type Budget, createBudget} from '../ask/budget/budget.ts';
export {type BudgetLimit, parseBudget, type Spending} from '../ask/budget/limit.ts';
export {
  answersTo,
  type Collection,
  type CollectOptions,
  collect,
  collectAnswered,
  type Missing,
} from '../ask/collect.ts';
export {
  type CollectQuestionsOptions,
  collectQuestions,
  type DetailByQuestion,
  type QuestionCollection,
} from '../ask/collect-questions.ts';
export {type AboutQuestionOptions, aboutQuestion} from '../ask/compose/about-question.ts';
export {type BoundaryOptions, boundary} from '../ask/compose/boundary.ts';
export type {BoundaryForm} from '../ask/compose/boundary-targets.ts';
export {type CalibratedOptions, type CalibrationFit, calibrated} from '../ask/compose/calibrated.ts';
export type {Sureness} from '../ask/compose/cascade.ts';
export {cascade} from '../ask/compose/cascade.ts';
export {type DawidSkeneFit, type DawidSkeneOptions, dawidSkene, type LabelModel} from '../ask/compose/dawid-skene.ts';
export type {Noise, Transforms} from '../ask/compose/degrade.ts';
export {type DegradeOptions, degrade} from '../ask/compose/degrade.ts';
export {type EnsembleOptions, ensemble} from '../ask/compose/ensemble.ts';
export {type LabelModelOptions, labelModel} from '../ask/compose/label-model.ts';
export type {Paraphrase} from '../ask/compose/repeat.ts';
export {type RepeatOptions, repeat} from '../ask/compose/repeat.ts';
export type {StopRule} from '../ask/compose/sure-lead.ts';
export {type Groups, type TwoStepOptions, twoStep} from '../ask/compose/two-step.ts';
export type {DriftOptions} from '../ask/drift.ts';
export {type JointKnowledge, joinKnowledge} from '../ask/joint-knowledge.ts';
export type {RecordMode} from '../ask/keep/record.ts';
export type {LaneChoice} from '../ask/lane/lane-layers.ts';
export type {LayeredTeacher, LayerOptions} from '../ask/layer.ts';
export {createLedger, type Ledger, type LedgerSnapshot} from '../ask/ledger.ts';
export type {Estimate} from '../ask/plan/cost.ts';
export {type AskPlan, type PlanOptions, planAsking} from '../ask/plan/plan.ts';
export {type PackChooserOptions, packChooser} from '../ask/probe/pack-chooser.ts';
export {probeTeacher} from '../ask/probe/probe.ts';
export type {ProbeOptions, TeacherProbe} from '../ask/probe/teacher-probe.ts';
export {FIRST_ANSWER_WITHIN, FirstAnswer} from '../ask/refusals/first-answer.ts';
export {type RetryOptions, withRetry} from '../ask/retry.ts';
export {openSharedAsking, type SharedAskingOptions} from '../ask/shared/open.ts';
export type {StackOptions} from '../ask/stack-options.ts';
export {stack} from '../ask/teacher-stack.ts';
export {coarsen, satisfies} from '../knowledge/coarsen.ts';
export {type Admission, type AdmissionOptions, createAdmission} from '../pace/admission.ts';
export type {ChoiceQuestion, Option, PredicateQuestion, Question, Questions, ScoreQuestion} from '../question.ts';
export {classesOf} from '../question.ts';
export {choice, type OptionNames, predicate, score} from '../questions.ts';
export {type AnswerStore, type AnswerStoreOptions, openAnswerStore, type StoredAnswer} from '../store/store.ts';
export {answerKey} from '../store/stored-answer.ts';
