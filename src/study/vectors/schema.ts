import type {z} from 'zod';
import {count, interval, measured, schemaOf} from '../schema-form.ts';
import type * as vectors from './results.ts';

export const vectorMeasures: z.ZodType<vectors.VectorMeasures> = schemaOf<vectors.VectorMeasures>()('VectorMeasures', {
  meanCosine: measured.optional(),
  recall: measured,
  spearman: measured,
});

const measuredMean = schemaOf<vectors.MeasuredMean>()('MeasuredMean', {mean: measured, interval: interval.optional()});

export const vectorMethod: z.ZodType<vectors.VectorMethod> = schemaOf<vectors.VectorMethod>()('VectorMethod', {
  meanCosine: measuredMean.optional(),
  recall: measuredMean,
  spearman: measured,
});

export const vectorStudy: z.ZodType<vectors.VectorStudy> = schemaOf<vectors.VectorStudy>()('VectorStudy', {
  teacherDimensions: count,
  studentDimensions: count,
  neighbours: count,
});
