import { ApplicationFailure, condition } from '@temporalio/workflow';
import { isJsonObject, isSameJson, withoutUndefined } from '../../domain/json.ts';
import type {
  ApprovalDecision,
  ApprovalState,
  DecisionRefusal,
  StepState,
} from '../../domain/pipeline/pipeline-run.ts';
import type { PlanApprovalStep } from '../../domain/pipeline/pipeline.ts';
import { checkType, refuseUnknown } from '../../domain/request-checks.ts';
import { cutText } from '../../domain/text.ts';
import { stopBecauseOf } from './cancellation.ts';
import { defect, type Pipeline } from './memory.ts';
import { prepareStep } from './prepare-step.ts';
import { enterStepPhase } from './visibility.ts';

/** Waits until a person has decided, the deadline has passed, or the pipeline stops. */
export async function runApproval(pipeline: Pipeline, step: StepState, plan: PlanApprovalStep): Promise<void> {
  if (step.approval === undefined) {
    const answer = await prepareStep(pipeline, step.id);
    if (answer === undefined) {
      enterStepPhase(pipeline, step, 'not_started');
      return;
    }
    if (answer.kind === 'skip') {
      step.reason = answer.reason;
      enterStepPhase(pipeline, step, 'skipped');
      return;
    }
    if (answer.kind === 'failed') {
      enterStepPhase(pipeline, step, 'failed', answer.failure);
      stopBecauseOf(pipeline, step, answer.failure);
      return;
    }
    if (answer.kind !== 'choose') throw defect(`step ${step.id} is an approval`);
    step.approval = openApproval(plan, answer.choices);
  }
  const { approval } = step;
  enterStepPhase(pipeline, step, 'awaiting_decision');
  const leftMs = Math.max(1, Date.parse(approval.deadlineAt) - Date.now());
  await condition(() => approval.decision !== undefined || pipeline.stop !== undefined, leftMs);
  endApproval(pipeline, step, approval);
}

/**
 * Ends an approval as it was decided. If nobody has decided, it is cancelled if the pipeline stops, and otherwise
 * decided by its deadline.
 */
export function endApproval(pipeline: Pipeline, step: StepState, approval: ApprovalState): void {
  if (approval.decision === undefined && pipeline.stop) {
    enterStepPhase(pipeline, step, 'cancelled');
    return;
  }
  if (approval.decision === undefined) decideByDeadline(approval);
  settleApproval(pipeline, step, approval);
}

function openApproval({ message, count, deadlineMs, onDeadline }: PlanApprovalStep, choices?: string[]): ApprovalState {
  return {
    ...withoutUndefined({ message, choices }),
    ...(choices && { count }),
    deadlineAt: new Date(Date.now() + deadlineMs).toISOString(),
    onDeadline,
  };
}

function decideByDeadline(approval: ApprovalState): void {
  const isApproved = approval.onDeadline === 'approve';
  approval.decision = isApproved ? 'approve' : 'reject';
  approval.by = 'deadline';
  if (isApproved && approval.choices) approval.chosen = approval.choices.slice(0, approval.count ?? 1);
}

function settleApproval(pipeline: Pipeline, step: StepState, { decision, reason, by }: ApprovalState): void {
  if (decision === 'approve') {
    enterStepPhase(pipeline, step, 'succeeded');
    return;
  }
  const words = [by === undefined ? undefined : `by ${by}`, reason].filter((word) => word !== undefined);
  const message = `step ${step.id} was rejected${words.length === 0 ? '' : `: ${words.join(', ')}`}`;
  const failure = { type: 'ApprovalRejected', message, submission: 'not_sent' } as const;
  enterStepPhase(pipeline, step, 'failed', failure);
  stopBecauseOf(pipeline, step, failure);
}

/** Records a decision; throws if there is nothing to decide. The same decision again changes nothing. */
export function takeDecision(pipeline: Pipeline, payload: unknown): void {
  const { decision, step } = readDecision(pipeline, payload);
  const { approval } = step;
  if (approval?.decision !== undefined) return;
  Object.assign(approval ?? {}, decision);
}

type Taken = Pick<ApprovalState, 'decision' | 'chosen' | 'reason' | 'by'>;

/**
 * Validates the update `decide`: refuses what cannot be decided and fields that a decision does not have. Its caller
 * gets the answer, unlike that of a signal.
 */
export function checkDecision(pipeline: Pipeline, payload: unknown): void {
  readDecision(pipeline, payload);
  const { reason, by } = payload as Partial<Record<keyof ApprovalDecision, unknown>>;
  const refuse = (field: string, message: string) => {
    throw refusal(`${field}: ${message}`);
  };
  refuseUnknown(refuse, '', payload as object, ['a decision', ['step', 'decision', 'choose', 'reason', 'by']]);
  for (const [field, text] of Object.entries({ reason, by })) {
    checkType(field, text, 'string', refuse);
  }
}

/** Reads a decision; throws if it is refused. */
function readDecision(pipeline: Pipeline, payload: unknown): { step: StepState; decision: Taken } {
  if (!isJsonObject(payload))
    throw refusal('expected { step, decision: "approve" or "reject", choose?, reason?, by? }');
  const { step: id, decision, reason, by } = payload as Partial<Record<keyof ApprovalDecision, unknown>>;
  const step = pipeline.state.steps.find((each) => each.id === id);
  if (step === undefined && pipeline.checked === undefined) {
    throw refusal('no step awaits a decision yet: the plan is being checked');
  }
  if (step === undefined) {
    const unknown = typeof id === 'string' ? ({ unknown: 'step' } as const) : undefined;
    throw refusal(`the plan has no step ${cutText(JSON.stringify(id ?? null), 60)}`, unknown);
  }
  const { approval } = step;
  if (approval === undefined) throw refusal(`step ${step.id} awaits no decision (phase ${step.phase})`);
  if (decision !== 'approve' && decision !== 'reject') throw refusal('decision: expected "approve" or "reject"');
  const chosen = decision === 'approve' ? chosenOf(approval, payload['choose'] ?? undefined) : undefined;
  const texts = withoutUndefined({ chosen, reason: textOf(reason), by: textOf(by) });
  const taken: Taken = { decision, ...texts };
  if (approval.decision === undefined && step.phase === 'awaiting_decision' && !pipeline.stop)
    return { step, decision: taken };
  const isSame = approval.decision === decision && isSameJson(approval.chosen ?? null, chosen ?? null);
  if (isSame) return { step, decision: taken };
  const how =
    approval.decision === undefined
      ? `phase ${step.phase}`
      : `${approval.decision}d${approval.by === undefined ? '' : ` by ${approval.by}`}`;
  throw refusal(`step ${step.id} awaits no decision any more (${how})`);
}

function chosenOf({ choices, count = 1 }: ApprovalState, choose: unknown): string[] | undefined {
  if (choices === undefined) {
    if (choose === undefined) return undefined;
    throw refusal('choose: there is nothing to choose from');
  }
  if (choose === undefined && choices.length === count) return choices;
  const indexes: unknown[] = Array.isArray(choose) ? choose : [choose];
  const isValid = indexes.every(
    (index) => typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < choices.length,
  );
  if (!isValid || indexes.length !== count || new Set(indexes).size !== count) {
    const range = `0 to ${String(choices.length - 1)}`;
    throw refusal(
      `choose: expected ${count === 1 ? `a number from ${range}` : `${String(count)} different numbers from ${range}`}`,
    );
  }
  return indexes.map((index) => choices[index as number] ?? '');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? cutText(value, 1_000) : undefined;
}

function refusal(message: string, details?: DecisionRefusal): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InvalidInput',
    message,
    nonRetryable: true,
    ...(details && { details: [details] }),
  });
}
