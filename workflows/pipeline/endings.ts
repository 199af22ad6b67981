import { ApplicationFailure, CancelledFailure, patched } from '@temporalio/workflow';
import type { FailureType } from '../../domain/failure-type.ts';
import type { GenerationOutput, InputIssue } from '../../domain/generation.ts';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import type {
  PipelineFailureDetails,
  PipelinePhase,
  PipelineResult,
  StepFailure,
  StepState,
  StepSummary,
} from '../../domain/pipeline/pipeline-run.ts';
import { tellStep, valuesOfStep } from '../../domain/pipeline/step-rules.ts';
import { cutText } from '../../domain/text.ts';
import { preparations } from '../activity-options.ts';
import { boundOutputs, boundSummaries, maxQuestionBytes } from './bounds.ts';
import { pauseBeforeAsking } from './interruptible.ts';
import { type Pipeline, planOf } from './memory.ts';
import { openMoney } from './money.ts';
import { enterPipelinePhase, showEnd, warn } from './visibility.ts';

/**
 * Limits on details and results, in bytes of JSON, far below what Temporal accepts. What is left out can be found under
 * the steps' keys.
 */
const maxDetailBytes = 400 * 1024;
const maxOutputBytes = 1024 * 1024;
const maxResultBytes = 1_500 * 1024;
const maxMessageChars = 4_000;
const maxSummaryChars = 500;

interface PipelineEnd {
  type: FailureType;
  phase: Extract<PipelinePhase, 'failed' | 'cancelled' | 'timed_out'>;
  message: string;
  step?: string | undefined;
  failure?: StepFailure | undefined;
  issues?: InputIssue[] | undefined;
}

/** Ends the pipeline without a result; returns the failure to throw to its caller. */
export function failPipeline(pipeline: Pipeline, end: PipelineEnd): Error {
  const { state, key } = pipeline;
  const { type, phase, message, step, failure, issues } = asClosed(pipeline, end);
  markEnd(pipeline, phase);
  const words = `${cutText(message, maxMessageChars)} (pipeline ${key})`;
  state.failure = { type, message: words, ...withoutUndefined({ step }) };
  showEnd(pipeline);
  if (pipeline.isWorkflowCancelled && type === 'PipelineCancelled') return new CancelledFailure(words);
  const details: PipelineFailureDetails = {
    key,
    phase,
    ...withoutUndefined({ step, issues, cancel: state.cancel }),
    ...(failure && { failure: { ...failure, message: cutText(failure.message, maxMessageChars) } }),
    steps: boundSummaries(summariesOf(pipeline), maxDetailBytes),
    costUsd: state.costUsd,
    ...openMoney(pipeline),
  };
  return ApplicationFailure.create({ type, message: words, nonRetryable: true, details: [details] });
}

/** A cancelled workflow closes as Canceled, whatever stopped the pipeline before. */
function asClosed({ checked, isWorkflowCancelled }: Pipeline, end: PipelineEnd): PipelineEnd {
  if (!isWorkflowCancelled || end.type === 'PipelineCancelled') return end;
  // `patched` must not be called where this may follow from a local activity.
  if (checked?.isSteady !== true || !patched('cancelled-workflows-close-as-cancelled')) return end;
  return { ...end, type: 'PipelineCancelled', phase: 'cancelled', message: `cancelled, after ${end.message}` };
}

/** Ends the pipeline with what its steps have made. */
export async function completePipeline(pipeline: Pipeline): Promise<PipelineResult> {
  const { state, key } = pipeline;
  const isPartial = state.steps.some(({ phase, failure }) => phase === 'failed' || failure !== undefined);
  const { outputs, omitted } = boundOutputs(await outputsOf(pipeline), maxOutputBytes);
  if (omitted.length > 0) {
    warn(
      pipeline,
      `outputs too large to be told are null, and stand under the keys of the steps: ${omitted.join(', ')}`,
    );
  }
  markEnd(pipeline, isPartial ? 'partial' : 'succeeded');
  showEnd(pipeline);
  return {
    key,
    phase: isPartial ? 'partial' : 'succeeded',
    outputs,
    steps: boundSummaries(summariesOf(pipeline), maxResultBytes - jsonBytes(outputs)),
    costUsd: state.costUsd,
    ...openMoney(pipeline),
    startedAt: state.startedAt,
    endedAt: state.endedAt ?? '',
  };
}

function markEnd(pipeline: Pipeline, phase: PipelinePhase): void {
  pipeline.hasEnded = true;
  pipeline.state.endedAt = new Date().toISOString();
  enterPipelinePhase(pipeline, phase);
}

/** The outputs that the plan names, else those of all steps. */
async function outputsOf(pipeline: Pipeline): Promise<Record<string, unknown>> {
  const { state, key } = pipeline;
  const { plan, params, outputPaths } = planOf(pipeline);
  if (plan.outputs === undefined) {
    return Object.fromEntries(state.steps.map((step) => [step.id, outputOf(step) ?? step.approval?.chosen ?? null]));
  }
  if (outputPaths) {
    const steps = Object.fromEntries(state.steps.map((step) => [step.id, valuesOfStep(step)]));
    const known = { params, steps, pipeline: { key } };
    return Object.fromEntries(Object.entries(outputPaths).map(([name, path]) => [name, at(known, path)]));
  }
  const text = JSON.stringify(plan.outputs);
  const steps = state.steps.filter(({ id }) => text.includes(id)).map((step) => tellStep(step));
  const question = { outputs: plan.outputs, values: { declared: plan.params, params, steps, key } };
  if (jsonBytes(question) > maxQuestionBytes) {
    warn(pipeline, 'the outputs are null: what the steps have made is too much to be read at once');
    return Object.fromEntries(Object.keys(plan.outputs).map((name) => [name, null]));
  }
  for (let times = 0; ; times += 1) {
    try {
      const answer = await preparations.evaluateOutputs(question);
      warn(pipeline, ...answer.warnings);
      return answer.outputs;
    } catch (error) {
      await pauseBeforeAsking(pipeline, error, times);
    }
  }
}

function at(from: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return from ?? null;
  const isObject = typeof from === 'object' && from !== null && Object.hasOwn(from, name);
  return isObject ? at((from as Record<string, unknown>)[name], rest) : null;
}

function outputOf({ output, items }: StepState): GenerationOutput | undefined {
  if (!items) return output;
  const all = (kind: keyof GenerationOutput) => items.flatMap((item) => item.output?.[kind] ?? []);
  return { images: all('images'), videos: all('videos'), audios: all('audios') };
}

function summariesOf({ state }: Pipeline): Record<string, StepSummary> {
  return Object.fromEntries(state.steps.map((step) => [step.id, summaryOf(step)]));
}

function shortFailure({ type, message, budget }: StepFailure): NonNullable<StepSummary['failure']> {
  return { type, message: cutText(message, maxSummaryChars), ...withoutUndefined({ budget }) };
}

function summaryOf(step: StepState): StepSummary {
  const { phase, key, costUsd, reused, failure, approval, items } = step;
  const isReused = items ? items.length > 0 && items.every((item) => item.reused) : reused;
  return {
    phase,
    ...withoutUndefined({
      key,
      output: outputOf(step),
      costUsd,
      reused: isReused ? true : undefined,
      submission: failure?.submission,
      cancel: failure?.cancel,
      failure: failure && shortFailure(failure),
      choices: approval?.chosen,
    }),
  };
}
