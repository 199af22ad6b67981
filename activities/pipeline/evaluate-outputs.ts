import { boundWarnings } from '../../domain/issues.ts';
import { jsonBytes, jsonPath } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { toValues } from '../../plans/deciding/step-values.ts';
import { ExpressionError, openEvaluation } from '../../plans/evaluate.ts';

/** Limit on an answer, in bytes of JSON: it is kept in the history, and Temporal accepts 2 MiB. */
const maxAnswerBytes = 1_200_000;

/** Evaluates the outputs of a pipeline. An output without a value is null, with a warning. */
export function createEvaluateOutputs(): PipelineActivities['evaluateOutputs'] {
  return ({ outputs, values }) => {
    const known = toValues(values);
    const warnings: string[] = [];
    let left = maxAnswerBytes;
    const evaluated = Object.entries(outputs).map(([name, value]): [string, unknown] => {
      try {
        const path = jsonPath('$.outputs', name);
        const given = openEvaluation(known, maxAnswerBytes).evaluate(value, path);
        const bytes = jsonBytes({ [name]: given });
        if (bytes <= left) {
          left -= bytes;
          return [name, given];
        }
        warnings.push(`${path}: too large to be told, and stands under the keys of the steps`);
        return [name, null];
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        warnings.push(`${error.path}: ${error.message}`);
        return [name, null];
      }
    });
    return Promise.resolve({ outputs: Object.fromEntries(evaluated), warnings: boundWarnings(warnings) });
  };
}
