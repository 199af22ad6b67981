import { jsonPath } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline-activities.ts';
import { toValues } from '../../plans/deciding/step-values.ts';
import { evaluateValue, ExpressionError } from '../../plans/evaluate.ts';

/** Evaluates the outputs of a pipeline; one that gives nothing is null, with a warning. */
export function createEvaluateOutputs(): PipelineActivities['evaluateOutputs'] {
  return ({ outputs, values }) => {
    const known = toValues(values);
    const warnings: string[] = [];
    const evaluated = Object.entries(outputs).map(([name, value]): [string, unknown] => {
      try {
        return [name, evaluateValue(value, known, jsonPath('$.outputs', name))];
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        warnings.push(`${error.path}: ${error.message}`);
        return [name, null];
      }
    });
    return Promise.resolve({ outputs: Object.fromEntries(evaluated), warnings });
  };
}
