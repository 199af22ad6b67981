import { log } from '@temporalio/workflow';
import { isJsonObject } from '../../domain/json.ts';
import { type ItemState, type StepPhase, stepPhases } from '../../domain/pipeline-run.ts';
import { hasStepEnded } from '../../domain/step-rules.ts';
import { stopPipeline } from './cancellation.ts';
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
  for (const item of news.items) if (isTaken(pipeline, group, item)) step.items[item.index] = item;
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

/** What a released group has not begun is begun by the pipeline. */
function isTaken({ stop }: Pipeline, { step, isReleased }: Group, { index, phase }: ItemState): boolean {
  return index < step.items.length && !(isReleased && !stop && phase === 'not_started');
}

function readNews(payload: unknown): GroupNews | undefined {
  if (!isJsonObject(payload) || !isJsonObject(payload['step']) || !isJsonObject(payload['money'])) return undefined;
  const { group, step, items, money, replies } = payload as unknown as GroupNews;
  const isKnown =
    typeof group === 'string' &&
    isPhase(step.phase) &&
    [money.spent, money.presumed, money.reserved].every((sum) => Number.isSafeInteger(sum)) &&
    isListOf(items, ({ index, phase }) => Number.isInteger(index) && Number(index) >= 0 && isPhase(phase)) &&
    (replies === undefined || isListOf(replies, ({ steps }) => Array.isArray(steps)));
  return isKnown ? (payload as unknown as GroupNews) : undefined;
}

function isListOf(value: unknown, isOne: (one: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((one: unknown) => isJsonObject(one) && isOne(one));
}

function isPhase(value: unknown): boolean {
  return stepPhases.includes(value as StepPhase);
}
