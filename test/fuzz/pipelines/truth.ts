import { isDeepStrictEqual } from 'node:util';
import { ApplicationFailure } from '@temporalio/common';
import type { AttemptState, ItemState, PipelinePhase, StepState } from '../../../domain/pipeline/pipeline-run.ts';
import { hasStepEnded } from '../../../domain/pipeline/step-rules.ts';
import { idOf } from './plan-of.ts';
import type { Told } from './play.ts';
import type { Provider, Run } from './provider.ts';
import type { PipelineScript } from './script.ts';

const maxStateBytes = 1024 * 1024;

/** Every promise that the runs of a plan have broken, in sentences. None: all is well. */
export function brokenPromises(script: PipelineScript, told: Told[], provider: Provider): string[] {
  const broken = told.flatMap((run, number) => [
    ...accountsOf(run, provider),
    ...ordersOf(script, run, provider),
    ...triesOf(script, run, provider),
    ...cancelsOf(run, provider),
    ...decisionsOf(run),
    ...endOf(run, provider),
    ...furtherOrdersOf(script, run, told[number - 1]),
  ]);
  const keys = new Set(provider.jobs.map(({ key }) => key));
  for (const key of keys) {
    const jobs = provider.jobs.filter((job) => job.key === key);
    if (jobs.length > 1) broken.push(`${String(jobs.length)} jobs under the one key ${key}`);
  }
  return broken;
}

type Target = StepState | ItemState;

const targetsOf = (step: StepState): Target[] => step.items ?? [step];
const keysOf = ({ key, attempts = [] }: Target) =>
  new Set([...(key ? [key] : []), ...attempts.map((each) => each.key)]);
const typeOf = ({ end }: Run) => (end === undefined ? 'open' : 'result' in end ? 'succeeded' : end.failure.type);

/** Bills are the orders that the state accounts for, at what they cost. */
function accountsOf({ id, state, children, isLetGo }: Told, { runs, jobs }: Provider): string[] {
  const broken: string[] = [];
  const targets = state.steps.flatMap(targetsOf);
  const accounted = new Set(targets.flatMap((target) => [...keysOf(target)]));
  for (const { key } of children) if (!accounted.has(key)) broken.push(`${id}: order ${key} stands in no account`);
  for (const { key } of jobs) {
    const isOwn = runs.some((run) => run.parent === id && run.key === key);
    if (isOwn && !accounted.has(key)) broken.push(`${id}: bill ${key} stands in no account`);
  }
  const attempts: AttemptState[] = targets.flatMap((target) => target.attempts ?? []);
  for (const { key, outcome, costUsd } of attempts) {
    const found = runs.filter((run) => run.key === key && typeOf(run) === outcome);
    if (found.length === 0) broken.push(`${id}: ${key} is said to have ended as ${outcome}`);
    const end = found.at(-1)?.end;
    const cost = end && 'result' in end ? end.result.costUsd : undefined;
    if (outcome === 'succeeded' && cost !== costUsd)
      broken.push(`${id}: ${key} cost ${String(cost)}, not ${String(costUsd)}`);
  }
  const sum = attempts.reduce((total, { costUsd = 0 }) => total + Math.round(costUsd * 1e6), 0) / 1e6;
  if (sum !== state.costUsd) broken.push(`${id}: costs of ${String(sum)} are told as ${String(state.costUsd)}`);
  if (!isLetGo && state.reservedUsd !== 0) broken.push(`${id}: ${String(state.reservedUsd)} USD stay reserved`);
  return broken;
}

/** No order before its sources, none beside one that may still run, none above a limit. */
function ordersOf(script: PipelineScript, told: Told, { runs }: Provider): string[] {
  const broken: string[] = [];
  const { id, children, request } = told;
  const own = (key: string) => runs.findLast((run) => run.key === key && run.parent === id);
  for (const { key, startedAt, state = told.state } of children) {
    const position = Number(/^film\/s(\d+)@/.exec(key)?.[1]);
    const step = script.steps[position];
    for (const source of step?.sources ?? []) {
      const found = state.steps.find((each) => each.id === idOf(source));
      if (!found || !hasStepEnded(found)) broken.push(`${id}: ${key} was ordered before ${idOf(source)} had ended`);
    }
    const stepNow = state.steps.find((each) => each.id === idOf(position));
    const target = stepNow && targetsOf(stepNow).find((each) => each.key === key);
    for (const before of target?.attempts ?? []) {
      const run = runs.findLast((each) => each.key === before.key && each.startedAt <= startedAt);
      if (!run) continue;
      const isOver = run.job ? (run.job.endedAt ?? Infinity) <= startedAt : run.fate !== 'is lost on the way';
      if (!isOver && step?.mayPayTwice !== true) broken.push(`${id}: ${key} was ordered while ${before.key} may run`);
      if (run.fate === 'meets an empty wallet') broken.push(`${id}: ${key} was ordered though the wallet is empty`);
    }
    if (target === undefined) broken.push(`${id}: ${key} was ordered, and the state does not tell`);
    const open = children.filter(
      (each) => each.startedAt <= startedAt && (own(each.key)?.endedAt ?? Infinity) > startedAt,
    );
    if (open.length > (request.maxParallel ?? 20))
      broken.push(`${id}: ${String(open.length)} orders were open at once`);
  }
  const charged = children.reduce((sum, { key }) => sum + Math.round((own(key)?.job?.chargedUsd ?? 0) * 1e6), 0) / 1e6;
  if (charged > (request.maxCostUsd ?? Infinity)) broken.push(`${id}: ${String(charged)} USD were billed`);
  return broken;
}

/** An order is tried as often as its step allows, and each fallback once. */
function triesOf({ steps }: PipelineScript, { id, children }: Told, { runs }: Provider): string[] {
  const made = new Map<string, number>();
  for (const { key } of children) {
    const step = /^film\/(s\d+)@/.exec(key)?.[1] ?? '';
    const prompt = String(runs.find((run) => run.key === key)?.request.input['prompt']);
    // Equal items of a fan-out are orders of their own.
    const copies = stepOf(steps, step)?.items === undefined ? 1 : Infinity;
    if (copies === 1) made.set(`${step}: ${prompt}`, (made.get(`${step}: ${prompt}`) ?? 0) + 1);
  }
  return [...made].flatMap(([name, count]) => {
    const [step = ''] = name.split(':');
    const allowed = name.includes(' fallback ') ? 1 : (stepOf(steps, step)?.attempts ?? 1);
    return count > allowed ? [`${id}: ${name} was ordered ${String(count)} times, not ${String(allowed)}`] : [];
  });
}

const stepOf = (steps: PipelineScript['steps'], id: string) => steps.find((_, position) => idOf(position) === id);

/** What was taken as decided stays decided. */
function decisionsOf({ id, state, decided }: Told): string[] {
  return decided.flatMap(({ step, decision, choose }) => {
    const approval = state.steps.find((each) => each.id === step)?.approval;
    const chosen = decision === 'approve' ? approval?.choices?.[choose] : undefined;
    const isTaken = approval?.decision === decision && (chosen === undefined || approval.chosen?.[0] === chosen);
    return isTaken ? [] : [`${id}: ${step} was decided (${decision} ${String(choose)}), and the state tells otherwise`];
  });
}

/** A cancel that says stopped has stopped, and nothing follows a cancel. */
function cancelsOf({ id, state, cancels, children }: Told, { runs }: Provider): string[] {
  const broken: string[] = [];
  const requestedAt = state.cancel ? Date.parse(state.cancel.requestedAt) : Infinity;
  for (const { key, startedAt } of children) {
    if (startedAt > requestedAt) broken.push(`${id}: ${key} was ordered after the cancel`);
  }
  for (const { reply, at } of cancels) {
    // What was not submitted may be ordered by a later run, under the same key.
    const runAt = (key: string) => runs.findLast((run) => run.key === key && run.startedAt <= at);
    for (const { id: step, index, key, outcome } of reply.steps) {
      const name = `${step}${index === undefined ? '' : `[${String(index)}]`}`;
      const found = state.steps.find((each) => each.id === step);
      const target = index === undefined ? found : found?.items?.[index];
      const { job, end } = (key === undefined ? undefined : runAt(key)) ?? {};
      if (outcome === 'cancelled' && job?.state !== 'cancelled') {
        broken.push(`${id}: ${name} is said to be cancelled, but its job is ${job?.state ?? 'not there'}`);
      }
      const submitted = key === undefined ? target?.attempts?.find((attempt) => runAt(attempt.key)?.job) : job;
      if (outcome === 'not_submitted' && submitted) {
        broken.push(`${id}: ${name} is said to be not submitted, but there is a job`);
      }
      const became = end && 'failure' in end ? end.failure.cancel : undefined;
      if (outcome === 'too_late' && (became === 'cancelled' || became === 'not_submitted')) {
        broken.push(`${id}: a cancel of ${name} is said to be too late, but it was ${became}`);
      }
      const isLater = children.some((child) => child.key === target?.key && child.startedAt > at);
      if (key === undefined && isLater) broken.push(`${id}: ${name} was ordered after all`);
    }
  }
  return broken;
}

/** Nothing is ordered of what had succeeded, unless it was edited, or reads what was edited or is chosen otherwise now. */
function furtherOrdersOf({ steps }: PipelineScript, told: Told, before: Told | undefined): string[] {
  const { id, edited, children } = told;
  const isWhole = before !== undefined && 'result' in before.end && before.state.phase === 'succeeded';
  if (!isWhole || edited === undefined) return [];
  const chosenIn = ({ state }: Told, id: string) => state.steps.find((step) => step.id === id)?.approval?.chosen;
  const changed = new Set<string>();
  for (const [position, { kind, sources, reads, items }] of steps.entries()) {
    const isRead = reads !== 'needs' || items === 'files';
    const hasChanged =
      kind === 'approval'
        ? !isDeepStrictEqual(chosenIn(told, idOf(position)), chosenIn(before, idOf(position)))
        : edited.includes(position) || (isRead && sources.some((source) => changed.has(idOf(source))));
    if (hasChanged) changed.add(idOf(position));
  }
  const isChanged = (key: string) => changed.has(/^film\/(s\d+)@/.exec(key)?.[1] ?? '');
  return children.flatMap(({ key }) =>
    isChanged(key) ? [] : [`${id}: ${key} was ordered though nothing of it has changed`],
  );
}

/** The end says what became of the steps, and waits for what runs. */
function endOf({ id, end, state, children, isLetGo }: Told, { runs }: Provider): string[] {
  const broken: string[] = [];
  const bytes = Buffer.byteLength(JSON.stringify(state));
  if (bytes > maxStateBytes) broken.push(`${id}: the state has ${String(bytes)} bytes`);
  const targets = state.steps.flatMap((step) => [step, ...(step.items ?? [])]);
  const isTerminated = 'error' in end && end.error.message === 'terminated';
  if (!isLetGo) {
    const endedAt = Date.parse(state.endedAt ?? '');
    for (const { key } of children) {
      const run = runs.findLast((each) => each.key === key && each.parent === id);
      if (!((run?.endedAt ?? Infinity) <= endedAt)) broken.push(`${id}: ended while ${key} was open`);
    }
    for (const target of targets.filter((each) => !hasStepEnded(each))) {
      broken.push(
        `${id}: ended, and ${'id' in target ? target.id : `item ${String(target.index)}`} is ${target.phase}`,
      );
    }
  }
  for (const { reused, key, output } of targets) {
    if (reused && children.some((child) => child.key === key))
      broken.push(`${id}: ${key ?? ''} was reused and ordered`);
    const result = runs.findLast((run) => run.key === key && run.end && 'result' in run.end)?.end;
    if (output && !(result && 'result' in result && isDeepStrictEqual(result.result.output, output))) {
      broken.push(`${id}: ${key ?? ''} has another output`);
    }
  }
  if ('result' in end) {
    const { phase, costUsd } = end.result;
    if (phase !== state.phase || costUsd !== state.costUsd) broken.push(`${id}: result and state differ`);
    const isWhole = state.steps.every((step) => step.phase === 'succeeded' || step.phase === 'skipped');
    if (isWhole !== (phase === 'succeeded')) broken.push(`${id}: ended as ${phase}`);
  } else if (!isTerminated && end.error instanceof ApplicationFailure) {
    const { type } = end.error;
    const expected: Partial<Record<PipelinePhase, string[]>> = {
      failed: ['PipelineFailed', 'BudgetExceeded', 'InvalidInput'],
      cancelled: ['PipelineCancelled'],
      timed_out: ['PipelineTimedOut'],
    };
    if (!expected[state.phase]?.includes(type ?? ''))
      broken.push(`${id}: ${state.phase} with a failure of type ${String(type)}`);
  }
  return broken;
}
