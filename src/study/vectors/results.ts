/** How the vectors of a study were compared. */
export interface VectorStudy {
  /** Length of the teacher's vectors. */
  readonly teacherDimensions: number;
  /** Length of the students' vectors. If it is another one, cosines with the teacher's vectors don't exist. */
  readonly studentDimensions: number;
  /** Number of nearest neighbours that the recall is about. */
  readonly neighbours: number;
}

/** The measures of one student's vectors on the test split, see `evaluateVectors`. */
export interface VectorMeasures {
  /** Mean cosine of a student's vector with the teacher's; absent if their lengths differ. */
  readonly meanCosine?: number | undefined;
  /** Mean share of the teacher's nearest neighbours that are among the student's. */
  readonly recall: number;
  /** Spearman's rank correlation of the cosines of all pairs: a point estimate. */
  readonly spearman: number;
}

/** The measures of a method's students that learned from all inputs. */
export interface VectorMethod {
  /** Absent if the lengths of the vectors differ. */
  readonly meanCosine?: MeasuredMean | undefined;
  readonly recall: MeasuredMean;
  /** Mean over the seeds: a point estimate. */
  readonly spearman: number;
}

/** A mean over the seeds and test inputs. */
export interface MeasuredMean {
  readonly mean: number;
  /** At 95 %, over other seeds and other test inputs; of one seed, over test inputs alone. Absent if the test inputs are too few. */
  readonly interval?: readonly [low: number, high: number] | undefined;
}

/** What verdicts on vectors are about. */
export type VectorMeasure = 'cosine' | 'recall';
