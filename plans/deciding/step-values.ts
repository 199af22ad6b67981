import { withoutUndefined } from '../../domain/json.ts';
import type { StepValuesInQuestion } from '../../domain/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline-run.ts';
import { valuesOfStep } from '../../domain/step-rules.ts';
import type { ExpressionError, Values } from '../evaluate.ts';

/** What a question says of params and steps, as the evaluator takes it. */
export function toValues({ key, steps, ...values }: StepValuesInQuestion): Values {
  return {
    ...values,
    steps: Object.fromEntries(steps.map((step) => [step.id, valuesOfStep(step)])),
    pipeline: { key },
  };
}

/** An expression that gave no value, as the failure of its step: a source that lacks the output is named. */
export function expressionFailure(error: ExpressionError, question: StepValuesInQuestion): StepFailure {
  const { steps } = toValues(question);
  const { path, message, expression = '' } = error;
  const issues = [{ path, message }];
  const names = /\bsteps\.(\w+)\.((?:image|video|audio)s?|files|choices?)\b/g;
  for (const [, step = '', field = ''] of expression.matchAll(names)) {
    const source = steps[step];
    if (source === undefined || hasOutput(source, field)) continue;
    const { key, requestId } = source;
    const known = withoutUndefined({ key: textOf(key), requestId: textOf(requestId) });
    const where = [known.key && `key ${known.key}`, known.requestId && `request ${known.requestId}`].filter(Boolean);
    return {
      type: 'OutputMissing',
      message: `step ${step} ended as ${source.phase} without ${field}${where.length === 0 ? '' : ` (${where.join(', ')})`}, which ${path} asks for: ${message}`,
      submission: 'not_sent',
      step,
      ...known,
      issues,
    };
  }
  return { type: 'InvalidInput', message: `${path}: ${message}`, submission: 'not_sent', issues };
}

function hasOutput(source: { [field: string]: unknown }, field: string): boolean {
  const value = source[field];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
