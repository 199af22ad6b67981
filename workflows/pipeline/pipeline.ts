import {
  allHandlersFinished,
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  patched,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { pipelineWorkflowType } from '../../domain/names.ts';
import type { PipelineRequest, PipelineResult } from '../../domain/pipeline/pipeline-run.ts';
import { findOversize, findOversizeOfParams } from '../../domain/pipeline/plan-size.ts';
import { preparations } from '../activity-options.ts';
import { isCarriable, isCarriableAsBefore } from '../carriable.ts';
import { waitForKeyOf } from '../hooks/payload-converter.ts';
import { cancelOpen, stopPipeline } from './cancellation.ts';
import { completePipeline, failPipeline } from './endings.ts';
import { unlessStopped } from './interruptible.ts';
import { listen } from './listen.ts';
import { type CarriedPipeline, carryPipeline, defect, openPipeline, type Pipeline } from './memory.ts';
import { firstQuestionOf } from './prepare-step.ts';
import { runStep } from './run-step.ts';
import { enterPipelinePhase, noteSearchAttributes, warn } from './visibility.ts';

/**
 * Runs a plan of generations as one durable unit: each order is made once, under a key of its own, as a child workflow.
 */
export async function runcomfyPipeline(request: PipelineRequest, carried?: CarriedPipeline): Promise<PipelineResult> {
  waitForKeyOf(request, carried);
  const pipeline = openPipeline(request, carried);
  listen(pipeline);
  // A cancellation is only recorded: open orders must still be asked to stop, and that takes activities.
  return await CancellationScope.nonCancellable(async () => {
    try {
      return await fulfil(pipeline);
    } finally {
      if (pipeline.hasEnded && !isQuiet(pipeline)) await condition(() => isQuiet(pipeline), '2 minutes');
    }
  });
}

async function fulfil(pipeline: Pipeline): Promise<PipelineResult> {
  const { issues } = pipeline;
  if (issues.length > 0) {
    const message = `the request cannot be understood, nothing was ordered: ${issuesSentence(issues)}`;
    throw failPipeline(pipeline, { type: 'InvalidInput', phase: 'failed', message, issues });
  }
  refuseRetry(pipeline);
  startDeadline(pipeline);
  await check(pipeline);
  if (pipeline.checked) await runSteps(pipeline);
  const end = endOf(pipeline);
  if (end) throw end;
  return await completePipeline(pipeline);
}

/**
 * Refuses to run as a retry. Temporal retries only runs that have timed out: a cancel may have been in progress, and
 * nothing says what was spent.
 */
function refuseRetry(pipeline: Pipeline): void {
  const { attempt } = workflowInfo();
  if (attempt === 1 || !patched('retried-pipelines-order-nothing')) return;
  const message = `its run timed out and was retried by Temporal (attempt ${String(attempt)}), which forgets what was said to it and what it spent: nothing more was ordered, and what was is found again where the pipeline is run again`;
  throw failPipeline(pipeline, { type: 'PipelineFailed', phase: 'failed', message });
}

function startDeadline(pipeline: Pipeline): void {
  // A cancel may have come with the first task, too, but only a passed deadline makes the timer needless.
  if (pipeline.stop?.kind === 'timed_out') return;
  const inMs = Math.max(1, Date.parse(pipeline.state.deadlineAt) - Date.now());
  void sleep(inMs, { summary: 'deadline' }).then(async () => {
    if (pipeline.hasEnded) return;
    stopPipeline(pipeline, { kind: 'timed_out' });
    await cancelOpen(pipeline, 'the deadline of the pipeline has passed');
  });
}

/** Has the plan checked before anything is paid, no matter who started the pipeline. */
async function check(pipeline: Pipeline): Promise<void> {
  if (pipeline.checked) return;
  const { plan, params, maxCostUsd, budgets, onWall, lineage = pipeline.key } = pipeline.request;
  const oversize = [findOversize(plan), findOversizeOfParams(params)].filter((issue) => issue !== undefined);
  if (oversize.length > 0 && patched('plans-are-weighed-first')) throw invalidPlan(pipeline, oversize);
  const needsPrices = budgets ? true : undefined;
  const first = firstQuestionOf(pipeline);
  const askedAt = Date.now();
  const answer = await unlessStopped(pipeline, () =>
    preparations.checkPlan({
      plan,
      lineage,
      first,
      showsPhase: true,
      ...withoutUndefined({ params, maxCostUsd, needsPrices, onWall }),
    }),
  );
  if (answer === undefined) return;
  noteSearchAttributes(pipeline, answer.searchAttributes, askedAt);
  if ('issues' in answer) throw invalidPlan(pipeline, answer.issues);
  pipeline.checked = answer;
  pipeline.state.steps = answer.steps.map(({ id }) => ({ id, phase: 'waiting' }));
  warn(pipeline, ...answer.warnings);
  if (!pipeline.stop) enterPipelinePhase(pipeline, 'running');
}

function invalidPlan(pipeline: Pipeline, issues: InputIssue[]): Error {
  const message = `the plan is not valid, nothing was ordered: ${issuesSentence(issues)}`;
  return failPipeline(pipeline, { type: 'InvalidInput', phase: 'failed', message, issues });
}

/** Runs every step once its sources have ended. Returns when all have ended, or when running work is not waited for. */
async function runSteps(pipeline: Pipeline): Promise<void> {
  const lives = new Map<string, Promise<void>>();
  for (const { id, steps } of pipeline.checked?.steps ?? []) {
    const sources = steps.flatMap((source) => lives.get(source) ?? []);
    lives.set(id, runStep(pipeline, id, sources));
  }
  const all: { isDone: boolean; fault: Error | undefined } = { isDone: false, fault: undefined };
  void Promise.all(lives.values()).then(
    () => {
      all.isDone = true;
    },
    (thrown: unknown) => {
      all.fault = thrown instanceof Error ? thrown : defect(String(thrown));
    },
  );
  const isLetGo = () => pipeline.stop?.detach === true && pipeline.openCancels === 0;
  const isOver = () => all.isDone || all.fault !== undefined || isLetGo();
  while (!isOver()) {
    await condition(() => isOver() || mayContinue(pipeline));
    // Other events of the same task may have changed this.
    if (isOver() || !mayContinue(pipeline)) continue;
    if (mustGetFurther(pipeline)) pipeline.progress = 'due';
    else if (mayBeCarried(pipeline)) await continueAsNew(pipeline);
    else pipeline.isTooLargeToContinue = true;
  }
  if (all.fault) throw all.fault;
}

/**
 * Whether the run may continue as new: its history has grown long, and nothing is in progress that the next run would
 * not know of.
 */
function mayContinue(pipeline: Pipeline): boolean {
  const { scope, stop, isTooLargeToContinue, progress } = pipeline;
  const isStopped = stop !== undefined || scope.consideredCancelled;
  const mayFollow = !isTooLargeToContinue && progress !== 'due';
  const isWanted = workflowInfo().continueAsNewSuggested && mayFollow && !isStopped;
  return isWanted && isIdle(pipeline) && isQuiet(pipeline);
}

/**
 * Whether this run must make progress before it continues. What waits came late in this run, behind parts of a step
 * that had all ended, and would come as late in the next.
 */
function mustGetFurther({ held, progress, checked }: Pipeline): boolean {
  if (held === 0 || progress !== 'none') return false;
  // If the plan is not steady, this may follow from a local activity, where `patched` must not be called for the first
  // time.
  return checked?.isSteady === true && patched('runs-get-further-before-they-continue');
}

function mayBeCarried(pipeline: Pipeline): boolean {
  const { request, checked } = pipeline;
  return (checked?.isSteady ? isCarriable : isCarriableAsBefore)(request, carryPipeline(pipeline));
}

function isIdle({ open, busy }: Pipeline): boolean {
  return open.size === 0 && busy === 0;
}

function isQuiet({ openCancels, attributes }: Pipeline): boolean {
  return openCancels === 0 && !attributes.isAsking && allHandlersFinished();
}

async function continueAsNew(pipeline: Pipeline): Promise<never> {
  const next = makeContinueAsNewFunc<typeof runcomfyPipeline>({ workflowType: pipelineWorkflowType });
  return await next(pipeline.request, carryPipeline(pipeline));
}

/** The failure that ends the pipeline without a result; undefined if it has one. */
function endOf(pipeline: Pipeline): Error | undefined {
  const { stop } = pipeline;
  switch (stop?.kind) {
    case undefined:
      return undefined;
    case 'cancelled': {
      const message = stop.detach ? 'cancelled; what RunComfy could not stop runs on under its key' : 'cancelled';
      return failPipeline(pipeline, { type: 'PipelineCancelled', phase: 'cancelled', message });
    }
    case 'timed_out':
      return failPipeline(pipeline, {
        type: 'PipelineTimedOut',
        phase: 'timed_out',
        message: 'the deadline of the pipeline passed',
      });
    case 'failed': {
      const { step, failure } = stop;
      const type = failure?.type === 'BudgetExceeded' ? 'BudgetExceeded' : 'PipelineFailed';
      const message = `step ${step ?? ''} failed: ${failure?.type ?? ''}: ${failure?.message ?? ''}`;
      return failPipeline(pipeline, { type, phase: 'failed', message, step, failure });
    }
  }
}
