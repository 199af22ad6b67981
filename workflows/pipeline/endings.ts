import { ApplicationFailure, CancelledFailure } from '@temporalio/workflow';
import type { FailureType } from '../../domain/failure-type.ts';
import type { GenerationOutput, InputIssue } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type {
  PipelineFailureDetails,
  PipelinePhase,
  PipelineResult,
  StepFailure,
  StepState,
  StepSummary,
} from '../../domain/pipeline-run.ts';
import { valuesOfStep } from '../../domain/step-rules.ts';
import { cutText } from '../../domain/text.ts';
import { preparations } from '../activity-options.ts';
import { type Pipeline, planOf, stepState } from './memory.ts';
import { enterPipelinePhase, showEnd, warn } from './visibility.ts';

/** Details and messages stay far below what Temporal takes: what is left out stands under the steps' keys. */
const maxDetailChars = 400_000;
const maxResultChars = 1_500_000;

interface PipelineEnd {
  type: FailureType;
  phase: Extract<PipelinePhase, 'failed' | 'cancelled' | 'timed_out'>;
  message: string;
  step?: string | undefined;
  failure?: StepFailure | undefined;
  issues?: InputIssue[] | undefined;
}

/** Ends the pipeline without a result: throws what its caller sees. */
export function failPipeline(pipeline: Pipeline, { type, phase, message, step, failure, issues }: PipelineEnd): Error {
  const { state, key } = pipeline;
  markEnd(pipeline, phase);
  const words = `${cutText(message, 4_000)} (pipeline ${key})`;
  state.failure = { type, message: words, ...withoutUndefined({ step }) };
  showEnd(pipeline);
  if (pipeline.isWorkflowCancelled && type === 'PipelineCancelled') return new CancelledFailure(words);
  const details: PipelineFailureDetails = {
    key,
    phase,
    ...withoutUndefined({ step, failure, issues, cancel: state.cancel }),
    steps: summariesOf(pipeline, maxDetailChars),
    costUsd: state.costUsd,
  };
  return ApplicationFailure.create({ type, message: words, nonRetryable: true, details: [details] });
}

/** Ends the pipeline with what its steps have made. */
export async function completePipeline(pipeline: Pipeline): Promise<PipelineResult> {
  const { state, key } = pipeline;
  const isPartial = state.steps.some(({ phase, failure }) => phase === 'failed' || failure !== undefined);
  const outputs = await outputsOf(pipeline);
  markEnd(pipeline, isPartial ? 'partial' : 'succeeded');
  showEnd(pipeline);
  return {
    key,
    phase: isPartial ? 'partial' : 'succeeded',
    outputs,
    steps: summariesOf(pipeline, maxResultChars - JSON.stringify(outputs).length),
    costUsd: state.costUsd,
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
  const steps = Object.fromEntries(state.steps.map(({ id }) => [id, valuesOfStep(stepState(pipeline, id))]));
  if (outputPaths) {
    const known = { params, steps, pipeline: { key } };
    return Object.fromEntries(Object.entries(outputPaths).map(([name, path]) => [name, at(known, path)]));
  }
  const question = { outputs: plan.outputs, values: { declared: plan.params, params, steps, key } };
  const answer = await preparations.evaluateOutputs(question);
  warn(pipeline, ...answer.warnings);
  return answer.outputs;
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

function summariesOf({ state }: Pipeline, maxChars: number): Record<string, StepSummary> {
  const whole = Object.fromEntries(state.steps.map((step) => [step.id, summaryOf(step)]));
  if (JSON.stringify(whole).length <= maxChars) return whole;
  return Object.fromEntries(Object.entries(whole).map(([id, { output: _, ...rest }]) => [id, rest]));
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
      choices: approval?.chosen,
    }),
  };
}
