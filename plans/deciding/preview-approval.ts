import { isSameJson, withoutUndefined } from '../../domain/json.ts';
import type { StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import type { PlanApprovalStep } from '../../domain/pipeline/pipeline.ts';
import { decideStep } from './decide-step.ts';
import type { Walk } from './preview-walk.ts';
import { standInOf } from './stand-ins.ts';

/**
 * Previews an approval: a person will be asked again, and if the choices are those of the last run the same decision is
 * assumed.
 */
export async function askFor(
  walk: Walk,
  question: StepQuestion,
  { count, message }: PlanApprovalStep,
  awaited: string | undefined,
): Promise<void> {
  const { id } = question;
  const answer = await decideStep(walk.parts, question);
  if (answer.kind === 'skip' || (answer.kind === 'failed' && awaited === undefined)) {
    const reason = answer.kind === 'skip' ? answer.reason : `${answer.failure.type}: ${answer.failure.message}`;
    walk.steps.push({ step: id, decision: answer.kind === 'skip' ? 'skip' : 'fail', reason });
    walk.states.set(id, { id, phase: answer.kind === 'skip' ? 'skipped' : 'failed' });
    return;
  }
  const choices = answer.kind === 'choose' ? answer.choices : undefined;
  const before = walk.parts.earlier.find((step) => step.id === id)?.approval;
  const isAsBefore = before?.decision === 'approve' && isSameJson(before.choices ?? null, choices ?? null);
  const ask = message === undefined ? 'awaits a decision' : `awaits a decision: ${message}`;
  walk.steps.push({ step: id, decision: 'ask', reason: isAsBefore ? `${ask}; assumed as it was decided before` : ask });
  const chosen = isAsBefore ? before.chosen : Array.from({ length: count }, (_, at) => standInOf(id, 0, at));
  const approval = { deadlineAt: '', onDeadline: 'approve', decision: 'approve', ...before } as const;
  const decided = { ...approval, decision: 'approve' as const, ...withoutUndefined({ chosen }) };
  walk.states.set(id, { id, phase: 'succeeded', approval: decided });
  if (!isAsBefore) walk.open.set(id, `step ${id} awaits a decision`);
}
