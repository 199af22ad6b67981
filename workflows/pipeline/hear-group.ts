import { log } from '@temporalio/workflow';
import type { CancelOutcome } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { type ItemState, type StepPhase, stepPhases } from '../../domain/pipeline-run.ts';
import { hasStepEnded } from '../../domain/step-rules.ts';
import { stopPipeline, worstFirst } from './cancellation.ts';
import type { GroupNews } from './group-messages.ts';
import type { Group, Pipeline } from './memory.ts';
import { tellMoney } from './money.ts';
import { enterStepPhase } from './visibility.ts';

/** Takes in what a group tells of its orders; what is not from a group of this run changes nothing. */
export function hearGroup(pipeline: Pipeline, payload: unknown): void {
  const news = readNews(payload);
  const group = news && pipeline.groups.get(news.group);
  if (news === undefined || group === undefined) {
    log.warn('news of a group were ignored: nothing is awaited from it');
    return;
  }
  const { step } = group;
  for (const { ask, steps } of news.replies ?? []) group.replies.set(ask, steps);
  for (const item of news.items) if (item.index < step.items.length) step.items[item.index] = item;
  Object.assign(pipeline.money, news.money);
  tellMoney(pipeline);
  group.told = news.step;
  if (!hasStepEnded(news.step)) enterStepPhase(pipeline, step, news.step.phase);
  if (news.failure) stopPipeline(pipeline, { kind: 'failed', step: step.id, failure: news.failure });
  if (news.last) {
    group.end = news.last;
    group.isOver = true;
  }
}

function readNews(payload: unknown): GroupNews | undefined {
  if (!isJsonObject(payload) || !isJsonObject(payload['step']) || !isJsonObject(payload['money'])) return undefined;
  const { group, step, items, money, replies, failure, last } = payload as unknown as GroupNews;
  const isKnown =
    typeof group === 'string' &&
    isPhase(step.phase) &&
    isFailure(step.failure) &&
    isFailure(failure) &&
    (last === undefined || (isJsonObject(last) && typeof last['isStopped'] === 'boolean')) &&
    [money.spent, money.presumed, money.reserved].every((sum) => Number.isSafeInteger(sum)) &&
    isListOf(items, isItem) &&
    (replies === undefined || isListOf(replies, ({ steps }) => isListOf(steps, isOutcome)));
  return isKnown ? (payload as unknown as GroupNews) : undefined;
}

function isListOf(value: unknown, isOne: (one: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((one: unknown) => isJsonObject(one) && isOne(one));
}

function isItem({ index, phase, failure }: Record<string, unknown>): boolean {
  return Number.isInteger(index) && Number(index) >= 0 && isPhase(phase) && isFailure(failure);
}

function isOutcome({ outcome }: Record<string, unknown>): boolean {
  return worstFirst.includes(outcome as CancelOutcome);
}

/** There need be none. */
function isFailure(value: unknown): boolean {
  if (value === undefined) return true;
  return isJsonObject(value) && typeof value['type'] === 'string' && typeof value['message'] === 'string';
}

function isPhase(value: unknown): boolean {
  return stepPhases.includes(value as StepPhase);
}
