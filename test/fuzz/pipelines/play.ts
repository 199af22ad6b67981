import type { PipelineCancelReply, PipelineRequest, PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import type { Sandbox } from '../../support/workflow-sandbox.ts';
import { pipelineActivities } from './activities.ts';
import type { Execution } from './execution-types.ts';
import { startExecution } from './execution.ts';
import { idOf, planOf } from './plan-of.ts';
import { createProvider, type Provider } from './provider.ts';
import type { PipelineScript, RunScript } from './script.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** What one run of a plan said of itself, and did. */
export interface Told {
  id: string;
  request: PipelineRequest;
  state: PipelineState;
  end: NonNullable<Execution['end']>;
  children: Execution['children'];
  cancels: { reply: PipelineCancelReply; at: number }[];
  /** The decisions that were taken: an update that was not refused. */
  decided: { step: string; decision: string; choose: number }[];
  /** It was ended from outside, or does not wait for what runs. */
  isLetGo: boolean;
  /** The steps whose input differs from that of the run before, by their place in the plan; undefined: all may. */
  edited: readonly number[] | undefined;
  runs: number;
}

/** Plays a script in process: the real workflow and activities, on a clock, generations and messages of its own. */
export async function play(
  sandbox: Sandbox,
  script: PipelineScript,
  seed: number,
): Promise<{ told: Told[]; provider: Provider }> {
  const time = createVirtualTime(seed);
  const provider = createProvider(time, (order) => script.fates[order % script.fates.length] ?? 'succeeds');
  const told: Told[] = [];
  const edits = new Map<number, number>();
  for (const [number, run] of script.runs.entries()) {
    const editedNow = [run.edited ?? Infinity].filter((position) => number > 0 && position < script.steps.length);
    for (const position of editedNow) edits.set(position, number);
    const edited = number === 0 || run.isGone ? undefined : editedNow;
    const filesBefore = provider.jobs.length;
    const activities = pipelineActivities(
      provider,
      (url) => run.isGone && Number(/request-(\d+)/.exec(url)?.[1] ?? 0) <= filesBefore,
    );
    const request: PipelineRequest = {
      plan: planOf(script, edits),
      lineage: 'film',
      maxParallel: script.maxParallel,
      ...(script.maxCostUsd !== undefined && { maxCostUsd: script.maxCostUsd }),
      ...(script.deadlineMs !== undefined && { deadlineMs: script.deadlineMs }),
      ...(number > 0 && run.orderAgain && { orderAgain: true }),
    };
    const id = `${String(seed)}-${String(number)}`;
    const { tasksPerRun, lostAnswers } = script;
    const settings = {
      sandbox,
      time,
      provider,
      activities,
      id,
      key: 'film',
      request,
      tasksPerRun,
      lostAnswers,
      isWatched: true,
      isAsked: seed % 2 === 0,
    };
    told.push({ ...(await playRun(await startExecution(settings), time, run)), id, request, edited });
  }
  // What was let go runs to its end.
  await time.run();
  return { told, provider };
}

async function playRun(
  execution: Execution,
  time: VirtualTime,
  run: RunScript,
): Promise<Omit<Told, 'id' | 'request' | 'edited'>> {
  const cancels: Told['cancels'] = [];
  const decided: Told['decided'] = [];
  let isLetGo = false;
  for (const { afterMs, way, detach } of run.cancels) {
    time.after(afterMs, () => {
      if (execution.end) return;
      isLetGo ||= detach || way === 'workflow' || way === 'terminate';
      if (way === 'workflow') execution.cancel();
      else if (way === 'terminate') execution.terminate();
      else if (way === 'signal') execution.signal('cancel', { detach });
      else {
        void execution.update('cancel', { detach }).then(
          (reply) => {
            if (reply !== undefined) cancels.push({ reply: reply as PipelineCancelReply, at: time.now });
          },
          (error: unknown) => {
            throw error;
          },
        );
      }
    });
  }
  for (const { afterMs, step, way, decision, choose } of run.decisions) {
    time.after(afterMs, () => {
      if (execution.end) return;
      const payload = { step: idOf(step), decision, ...(decision === 'approve' && { choose }) };
      if (way === 'signal') execution.signal('decide', payload);
      else {
        void execution.update('decide', payload).then(
          // Without an answer the run has ended meanwhile.
          (reply) => {
            if (reply !== undefined) decided.push({ step: payload.step, decision, choose });
          },
          // A refusal is an answer.
          () => undefined,
        );
      }
    });
  }
  await time.run(() => execution.end !== undefined);
  const { end, children, runs } = execution;
  if (end === undefined) throw new Error('the pipeline never ended');
  await execution.dispose();
  return { state: await execution.state(), end, children, cancels, decided, isLetGo, runs };
}
