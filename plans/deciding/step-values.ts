import { withoutUndefined } from '../../domain/json.ts';
import type { StepValuesInQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import { valuesOfStep } from '../../domain/pipeline/step-rules.ts';
import type { ExpressionError, Values } from '../evaluate.ts';
import { fieldsAskedBy } from '../expressions/expression.ts';
import { parseBareExpression } from '../expressions/template.ts';

const outputFields = new Set(
  ['image', 'video', 'audio', 'choice'].flatMap((kind) => [kind, `${kind}s`]).concat('files'),
);

/** The params and steps of a question, in the evaluator's form. */
export function toValues({ key, steps, ...values }: StepValuesInQuestion): Values {
  return {
    ...values,
    steps: Object.fromEntries(steps.map((step) => [step.id, valuesOfStep(step)])),
    pipeline: { key },
  };
}

/** The failure of a step whose expression gave no value; names the source step that lacks the output. */
export function expressionFailure(error: ExpressionError, question: StepValuesInQuestion): StepFailure {
  const { steps } = toValues(question);
  const { path, message, expression = '' } = error;
  const issues = [{ path, message }];
  const parsed = parseBareExpression(expression);
  const parts = parsed.ok ? parsed.parts : [];
  for (const { step, item, field } of parts.flatMap((part) => ('text' in part ? [] : fieldsAskedBy(part.expression)))) {
    const whole = outputFields.has(field) ? steps[step] : undefined;
    const source = whole && itemOf(whole, item);
    if (source === undefined || hasOutput(source, field)) continue;
    const known = withoutUndefined({ key: textOf(source['key']), requestId: textOf(source['requestId']) });
    const where = [known.key && `key ${known.key}`, known.requestId && `request ${known.requestId}`].filter(Boolean);
    const name = item === undefined ? field : `items[${String(item)}].${field}`;
    return {
      type: 'OutputMissing',
      message: `step ${step} ended as ${source.phase} without ${name}${where.length === 0 ? '' : ` (${where.join(', ')})`}, which ${path} asks for: ${message}`,
      submission: 'not_sent',
      step,
      ...known,
      issues,
    };
  }
  return { type: 'InvalidInput', message: `${path}: ${message}`, submission: 'not_sent', issues };
}

type Source = Values['steps'][string];

/** The item of a step; one that does not exist has no fields but the phase of its step. */
function itemOf(step: Source, index: number | undefined): Source | undefined {
  if (index === undefined) return step;
  const { phase, items } = step;
  if (!Array.isArray(items)) return undefined;
  return (items as Source[])[index] ?? { phase };
}

function hasOutput(source: { [field: string]: unknown }, field: string): boolean {
  const value = source[field];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
