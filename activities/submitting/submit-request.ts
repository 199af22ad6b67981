import { activityInfo, cancellationSignal, heartbeat, log, metricMeter } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type {
  AcceptedSubmit,
  Activities,
  ActivityFailureDetails,
  SubmitHeartbeat,
  SubmitOrder,
} from '../../domain/activities.ts';
import type { BudgetGrant } from '../../domain/budget/budget.ts';
import { boundIssues, hintsClause, issuesSentence } from '../../domain/issues.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { KnownAttributes } from '../../domain/names.ts';
import { cutText, messageOf } from '../../domain/text.ts';
import { secondsPerReadOf } from '../../domain/waiting.ts';
import { isRunComfyError, type RunComfyError } from '../../runcomfy/errors.ts';
import { workKeyOf } from '../../runcomfy/models/index.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { knownAttributes } from '../known-attributes.ts';
import { failure, toApplicationFailure } from '../to-application-failure.ts';
import { isNextReadSoon } from '../waiting/two-gears.ts';
import { checkPrice } from './check-price.ts';
import { earlierSubmit } from './earlier-submit.ts';
import { raiseFence } from './fence.ts';
import { createKnownModels } from './known-models.ts';
import { withReservedPrice } from './reserve-price.ts';
import type { SubmitTurn } from './submit-pacer.ts';

/**
 * Interval of heartbeats during a POST, in milliseconds. A quick POST needs none; a slow one must be distinguishable
 * from a dead worker within the heartbeat timeout of 10 s.
 */
const heartbeatEveryMs = 3_000;

/**
 * Longest wait for a turn, in milliseconds: all that is left of an attempt's 75 s if check, acknowledgement and POST
 * take their whole time.
 */
const turnWithinMs = 2_000;

/** Limits on the warnings in a report: one that Temporal cannot take would hide the request id. */
const maxWarnings = 50;
const maxWarningLength = 300;

/**
 * `POST /models/{id}`: the paid order. Checks the input, has the server acknowledge that the order is about to be sent
 * (which distinguishes a worker that dies before from one that dies after), sends it once, and makes sure that the
 * request id outlives this process. A later attempt never sends again what an earlier one may have sent.
 */
export function createSubmitRequest(deps: ActivityDeps): Activities['submitRequest'] {
  const known = createKnownModels();
  return async (order) => {
    const isModelKnown = known.has(order.model);
    const earlier = earlierSubmit();
    switch (earlier.kind) {
      case 'accepted': {
        const { requestId, lastHeartbeat } = earlier;
        log.warn('an earlier attempt was accepted but could not report it', { model: order.model, requestId });
        const { at: submittedAt = new Date().toISOString(), grants, priceUsd } = lastHeartbeat;
        return await accepted(deps, order, { requestId, submittedAt, ...withoutUndefined({ grants, priceUsd }) });
      }
      case 'unknown':
        throw unknownSince(earlier.lastHeartbeat, isModelKnown);
      case 'nothing': {
        if (isLate(order)) throw notSent('nothing is sent', new Error(late));
        const prepared = await prepare(deps, order).catch((error: unknown) => {
          if (error instanceof ApplicationFailure) throw error;
          throw notSent('the order could not be prepared', error);
        });
        const turn = await takeTurn(deps);
        const reply = await withReservedPrice(deps, order, prepared.priceUsd, (grants) =>
          send(deps, order, { prepared, turn, isModelKnown, grants }),
        );
        known.add(order.model);
        return reply;
      }
    }
  };
}

const late = 'the deadline of the order has passed';

function isLate({ deadlineAt }: SubmitOrder): boolean {
  return deadlineAt !== undefined && Date.now() >= Date.parse(deadlineAt);
}

/** The findings of the checks before the fence. */
interface Prepared {
  warnings?: string[];
  priceUsd?: number;
}

/** Runs every check that may refuse the order before its price is reserved and the fence is set. */
async function prepare(deps: ActivityDeps, order: SubmitOrder): Promise<Prepared> {
  const { model, input, retryOfRunId, firstExecutionRunId, isScheduled } = order;
  const execution = activityInfo().workflowExecution;
  // Checked first: a run refused for another reason would hide the run before it, which may be billed.
  if (retryOfRunId !== undefined && execution) {
    await deps.checkNewerRuns(execution.workflowId, execution.runId, retryOfRunId);
  }
  if (isScheduled && execution) {
    await deps.checkOtherChains(execution.workflowId, execution.runId, firstExecutionRunId);
  }
  const { issues, warnings } = await deps.validator.validate(model, input);
  if (issues.length > 0) {
    const problems = `${issuesSentence(issues)}${hintsClause(warnings)}`;
    const message = `the input does not fit ${model}, nothing was sent: ${problems}`;
    throw failure('InvalidInput', 'submit', message, { submission: 'not_sent', issues: boundIssues(issues) });
  }
  const priceUsd = await checkPrice(deps, order);
  return { warnings, ...(priceUsd !== undefined && { priceUsd }) };
}

/**
 * Waits for a turn: all orders of this worker are paced together, so that a limit is met once and not by each order.
 */
async function takeTurn({ submitPacer }: ActivityDeps): Promise<SubmitTurn> {
  const turn = await submitPacer.takeTurn({ withinMs: turnWithinMs, signal: cancellationSignal() });
  if (!('inMs' in turn)) return turn;
  throw ApplicationFailure.create({
    type: 'RateLimited',
    message: `many orders are waiting to be sent; the turn of this one comes in about ${String(Math.ceil(turn.inMs / 1_000))} s`,
    details: [{ submission: 'not_sent' } satisfies ActivityFailureDetails],
    nextRetryDelay: Math.ceil(turn.inMs),
    category: ApplicationFailureCategory.BENIGN,
  });
}

/** What a POST and its report need. */
interface Ready {
  prepared: Prepared;
  turn: SubmitTurn;
  isModelKnown: boolean;
  grants: BudgetGrant[] | undefined;
}

async function send(
  deps: ActivityDeps,
  order: SubmitOrder,
  { prepared, turn, isModelKnown, grants }: Ready,
): Promise<AcceptedSubmit> {
  const { runcomfy, recentBalance, keepRequestId } = deps;
  const { model, input, firstExecutionRunId } = order;
  const { taskToken, workflowExecution } = activityInfo();
  const workflowId = workflowExecution?.workflowId ?? '';
  const balanceBefore = recentBalance();
  const sending: SubmitHeartbeat = {
    stage: 'sending',
    at: new Date().toISOString(),
    ...knownAttributes(deps),
    ...(balanceBefore && { balanceBefore }),
    ...withoutUndefined({ grants, priceUsd: prepared.priceUsd }),
  };
  const fence = await raiseFence(sending).catch((error: unknown) => {
    // This is also how a workflow that no longer wants this attempt (cancelled, timed out) stops it before anything is
    // sent.
    heartbeat({ stage: 'not_sent', at: sending.at } satisfies SubmitHeartbeat);
    throw notSent('Temporal did not acknowledge that the order is about to be sent', error, grants);
  });
  const beforeSend = () => {
    fence();
    if (isLate(order)) throw new Error(late);
  };
  const heartbeats = { hasSent: false };
  const timer = setInterval(() => {
    heartbeats.hasSent = true;
    heartbeat(sending);
  }, heartbeatEveryMs);
  const requestId = await runcomfy
    .submit(model, input, { beforeSend })
    .then(
      (reply) => {
        turn.noteAccepted();
        return reply.requestId;
      },
      (error: unknown) => {
        if (isAskedToSlowDown(error)) turn.noteRefused(error.retryAfterMs);
        throw submitFailure(error, sending, isModelKnown);
      },
    )
    .finally(() => {
      clearInterval(timer);
    });
  const submittedAt = new Date().toISOString();
  await shielded('keeping the request id', requestId, undefined, async () => {
    log.info('order accepted', { model, requestId });
    const kept: SubmitHeartbeat = { ...sending, stage: 'accepted', requestId };
    // Overwrites a heartbeat that is still held back, which would otherwise overwrite the id.
    if (heartbeats.hasSent) heartbeat(kept);
    await keepRequestId({ taskToken, workflowId, firstExecutionRunId, requestId, heartbeatDetails: kept });
  });
  return await accepted(deps, order, { requestId, submittedAt, ...prepared, ...(grants && { grants }) });
}

/** The order is paid: from here on every error is caught, so that the request id is reported. */
async function accepted(
  deps: ActivityDeps,
  { model, input, waiting: wanted }: SubmitOrder,
  {
    requestId,
    submittedAt,
    warnings = [],
    priceUsd,
    grants,
  }: Pick<AcceptedSubmit, 'requestId' | 'submittedAt' | 'grants'> & Prepared,
): Promise<AcceptedSubmit> {
  const { waiting } = deps;
  const workKey = await shielded('naming the kind of work', requestId, model, () => workKeyOf(model, input));
  const nextReadInMs = await shielded('planning the first read', requestId, 0, () =>
    waiting.nextReadInMs({ model, workKey, waited: 0, secondsPerRead: secondsPerReadOf(wanted) }),
  );
  const expectedEndAt = await shielded('expecting its end', requestId, undefined, () => {
    const endInMs = waiting.expectedEndInMs({ model, workKey, waited: 0, secondsPerRead: secondsPerReadOf(wanted) });
    return endInMs === undefined ? undefined : new Date(Date.parse(submittedAt) + endInMs).toISOString();
  });
  const none: KnownAttributes = { searchAttributes: [] };
  const known = await shielded('listing the search attributes', requestId, none, () => knownAttributes(deps));
  return {
    requestId,
    submittedAt,
    nextReadInMs,
    ...(isNextReadSoon(nextReadInMs) && { isNextReadSoon: true }),
    workKey,
    ...known,
    ...withoutUndefined({ expectedEndAt, priceUsd, grants }),
    ...(warnings.length > 0 && { warnings: boundWarnings(warnings) }),
  };
}

async function shielded<T>(what: string, requestId: string, otherwise: T, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    log.error(`${what} failed; the order was accepted and goes on`, { requestId, reason: messageOf(error) });
    return otherwise;
  }
}

function boundWarnings(warnings: readonly string[]): string[] {
  const kept = warnings.slice(0, maxWarnings).map((warning) => cutText(warning, maxWarningLength));
  const left = warnings.length - kept.length;
  return left === 0 ? kept : [...kept, `and ${String(left)} more`];
}

function notSent(what: string, error: unknown, grants?: BudgetGrant[]): ApplicationFailure {
  const details = { submission: 'not_sent', ...(grants && { grants }) } as const;
  return failure('ServiceUnavailable', 'submit', `${what}: ${messageOf(error)}`, details);
}

/**
 * The failure of an attempt that finds an earlier one that had begun to send and did not live to report, or could not
 * be heard.
 */
function unknownSince(lastHeartbeat: Partial<SubmitHeartbeat>, isModelKnown: boolean): ApplicationFailure {
  countFailure('SubmitOutcomeUnknown');
  const message =
    "an earlier attempt had begun to send the order and could not report what came back; look at the account's generations before ordering again";
  const details = { submission: 'unknown', mayBeHandedOver: true, ...evidenceOf(lastHeartbeat, isModelKnown) } as const;
  return failure('SubmitOutcomeUnknown', 'submit', message, details);
}

/** Whether RunComfy asks to slow down. Other failures, however frequent, say nothing about how fast orders may come. */
function isAskedToSlowDown(error: unknown): error is RunComfyError {
  return isRunComfyError(error) && error.submission === 'refused' && error.type === 'RateLimited';
}

function submitFailure(error: unknown, sending: SubmitHeartbeat, isModelKnown: boolean): Error {
  const isUnknown = !isRunComfyError(error) || error.type === 'SubmitOutcomeUnknown';
  // Lets the next attempt start from "nothing sent"; travels with the report of this failure.
  if (!isUnknown) heartbeat({ stage: 'not_sent', at: new Date().toISOString() } satisfies SubmitHeartbeat);
  countFailure(isRunComfyError(error) ? error.type : 'SubmitOutcomeUnknown');
  return toApplicationFailure(
    error,
    'submit',
    isUnknown ? { submission: 'unknown', ...evidenceOf(sending, isModelKnown) } : knownTo(sending, isModelKnown),
  );
}

function countFailure(type: string): void {
  metricMeter
    .createCounter('runcomfy_submit_failures', '{submit}', 'Submits that failed, by failure type')
    .add(1, { type });
}

/** Lets the workflow show its state before RunComfy has accepted anything. */
function knownTo(sending: SubmitHeartbeat, isModelKnown: boolean): ActivityFailureDetails {
  const { searchAttributes, searchAttributesAsOf, grants } = sending;
  return withoutUndefined({ searchAttributes, searchAttributesAsOf, grants, isModelKnown: isModelKnown || undefined });
}

function evidenceOf(
  { at, balanceBefore, searchAttributes, searchAttributesAsOf, grants, priceUsd }: Partial<SubmitHeartbeat>,
  isModelKnown: boolean,
): ActivityFailureDetails {
  const known = { sentAt: at, balanceBefore, searchAttributes, searchAttributesAsOf, grants, priceUsd };
  return withoutUndefined({ ...known, isModelKnown: isModelKnown || undefined });
}
