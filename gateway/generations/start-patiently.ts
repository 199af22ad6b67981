import {
  type GenerationHandle,
  type GenerationRequest,
  isGenerationError,
  type StartOptions,
} from '../../client/index.ts';
import { issuesSentence } from '../../domain/issues.ts';
import type { WebhookTarget } from '../../domain/webhook-target.ts';
import { mayName } from '../access/may-name.ts';
import { everyTenant, type Principal, workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { isPassing, patiently } from './patiently.ts';

/** The same start is repeated so long where Temporal's answer is unclear: under one key it cannot start twice. */
const startMs = 20_000;

/**
 * Starts a generation as its caller's credential has it where the order says nothing, or says under which key the caller
 * may repeat it. `key` and the notices are as the caller knows them; the handle's own key is the Workflow ID.
 */
export async function startPatiently(
  parts: Pick<GatewayParts, 'client' | 'generations' | 'reader' | 'settings' | 'metrics' | 'checkWebhook' | 'access'>,
  principal: Principal,
  order: GenerationRequest,
  { key, retry }: Pick<StartOptions, 'retry'> & { key: string },
): Promise<GenerationHandle> {
  const { generations, reader, settings } = parts;
  const { webhook, onUnknownSubmission = settings.onUnknownSubmission } = principal;
  const workflowId = workflowIdOf(principal, key);
  const wanted = { onUnknownSubmission, ...(webhook && { webhook }), ...order };
  const isRefused = await isRefusedYetStarted(reader, workflowId, async () => {
    await mayName(parts.access, principal, key);
    if (wanted.webhook) await refuseWebhook(parts, wanted.webhook);
  });
  const tenant = tenantOf(principal);
  const options = { key: workflowId, retry: isRefused ? undefined : retry, tenant, keyTenant: tenant };
  const started = await patientlyStarted(parts, key, () => generations.start(wanted, options));
  reader.note(workflowId, { runId: started.runId, model: order.model });
  reader.refresh(workflowId);
  return { ...started, notices: started.notices.map((notice) => notice.replaceAll(workflowId, () => key)) };
}

/**
 * Whether a refused order was taken before: then it is attached to, and never made anew. Told that nothing was started, its
 * caller would order it again, for a second bill.
 */
async function isRefusedYetStarted(
  { read }: GatewayParts['reader'],
  workflowId: string,
  check: () => Promise<void>,
): Promise<boolean> {
  try {
    await check();
    return false;
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    await read(workflowId).catch((unread: unknown) => {
      throw isGenerationError(unread) && unread.type === 'KeyNotFound' ? error : unread;
    });
    return true;
  }
}

async function refuseWebhook({ checkWebhook }: Pick<GatewayParts, 'checkWebhook'>, target: WebhookTarget) {
  const issues = await checkWebhook(target);
  if (issues.length === 0) return;
  throw new RefusalError('InvalidInput', `nothing was started: ${issuesSentence(issues)}`, { issues });
}

/** With whom a principal's orders take turns; who acts for all tenants is none. */
export function tenantOf({ tenant }: Principal): string | undefined {
  return tenant === everyTenant ? undefined : tenant;
}

/** Repeats a start, which must be safe to repeat, or says under which key the caller may do so. */
export async function patientlyStarted<T extends { attached: boolean }>(
  { client, metrics }: Pick<GatewayParts, 'client' | 'metrics'>,
  key: string,
  start: () => Promise<T>,
): Promise<T> {
  try {
    const started = await patiently(client, startMs, start);
    metrics.countStart(started.attached ? 'attached' : 'new');
    return started;
  } catch (error) {
    throw isPassing(error) ? unclear(key, error) : error;
  }
}

function unclear(key: string, cause: unknown): RefusalError {
  const message = `Temporal does not answer, so that it is not known whether the order was taken: repeat it with Idempotency-Key: ${key}`;
  return new RefusalError('TemporalUnreachable', message, {
    headers: { 'runcomfy-temporal-key': key, 'retry-after': '2' },
    cause,
  });
}
