import type { GenerationHandle, GenerationRequest, StartCaller, StartOptions } from '../../client/index.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { tooLong } from '../../domain/names.ts';
import type { WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import { maxWebhookKeyLength } from '../../domain/webhook/webhook.ts';
import { mayName } from '../access/may-name.ts';
import { everyTenant, type Principal, workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { type Ordering, startOrAttach } from './start-or-attach.ts';

const secretPath = 'request.webhook.secret';

/**
 * Starts a generation, with the defaults of the caller's credential where the order says nothing. `key` and the notices
 * are in the caller's terms; the handle's own key is the Workflow ID.
 */
export async function startPatiently(
  parts: Pick<GatewayParts, 'client' | 'generations' | 'reader' | 'metrics' | 'checkWebhook' | 'access'>,
  principal: Principal,
  order: GenerationRequest,
  {
    retry,
    labels,
    check,
    ...keyed
  }: Omit<Ordering<GenerationHandle>, 'start'> & Pick<StartOptions, 'retry' | 'labels'>,
): Promise<GenerationHandle> {
  const { generations, reader } = parts;
  const { key } = keyed;
  const { onUnknownSubmission } = principal;
  const workflowId = workflowIdOf(principal, key);
  const isPaid = order.requestId !== undefined && order.webhook === undefined;
  const { webhook, untold } = isPaid
    ? await webhookOfPaid(parts, principal, workflowId)
    : { webhook: principal.webhook, untold: [] };
  const wanted = { ...(onUnknownSubmission && { onUnknownSubmission }), ...(webhook && { webhook }), ...order };
  const options = { key: workflowId, retry, labels, tenant: tenantOf(principal), ...callerOf(principal) };
  const started = await startOrAttach(parts, {
    ...keyed,
    check: async () => {
      const hints = await check();
      await mayName(parts.access, principal, key);
      if (wanted.webhook && !isPaid) await refuseWebhook(parts, principal, wanted.webhook);
      return hints;
    },
    start: (attaching) => generations.start(wanted, { ...options, ...attaching }),
  });
  reader.note(workflowId, { runId: started.runId, model: order.model });
  reader.refresh(workflowId);
  const notices = started.notices.map((notice) => notice.replaceAll(workflowId, () => key));
  return { ...started, notices: [...(started.attached ? [] : untold), ...notices] };
}

/** The caller's default webhook, or why it is told nothing: it must keep nobody from what was paid before. */
export async function webhookOfPaid(
  parts: Pick<GatewayParts, 'checkWebhook'>,
  principal: Principal,
  workflowId: string,
): Promise<{ webhook?: WebhookTarget | undefined; untold: string[] }> {
  const { webhook } = principal;
  if (webhook === undefined) return { untold: [] };
  const issues = await issuesOfWebhook(parts, principal, webhook);
  const { length } = workflowId;
  if (length > maxWebhookKeyLength) issues.push({ path: 'key', message: tooLong(length, maxWebhookKeyLength) });
  if (issues.length === 0) return { webhook, untold: [] };
  return { untold: [`the API key's webhook is told nothing: ${issuesSentence(issues)}`] };
}

/**
 * Finds secrets of other tenants too, since a receiver identifies a tenant by them; the message does not tell which
 * secrets exist.
 */
async function issuesOfWebhook(
  { checkWebhook }: Pick<GatewayParts, 'checkWebhook'>,
  { tenant, webhook }: Principal,
  target: WebhookTarget,
): Promise<InputIssue[]> {
  const { secret } = target;
  const found = await checkWebhook(target);
  const isOwn = secret === tenant || secret.startsWith(`${tenant}.`) || secret === webhook?.secret;
  const isRefused = !isOwn || found.some(({ path }) => path === secretPath);
  const message = `no secrets of yours are named "${secret}": yours are "${tenant}" and those that begin with "${tenant}."`;
  return tenant === everyTenant || !isRefused
    ? [...found]
    : [...found.filter(({ path }) => path !== secretPath), { path: secretPath, message }];
}

async function refuseWebhook(...asked: Parameters<typeof issuesOfWebhook>): Promise<void> {
  const issues = await issuesOfWebhook(...asked);
  if (issues.length === 0) return;
  throw new RefusalError('InvalidInput', `nothing was started: ${issuesSentence(issues)}`, { issues });
}

/** The fairness group of a principal's orders; none for an all-tenants caller. */
export function tenantOf({ tenant }: Principal): string | undefined {
  return tenant === everyTenant ? undefined : tenant;
}

/** On whose behalf a principal's orders start. */
export function callerOf(principal: Principal): StartCaller {
  return { keyTenant: tenantOf(principal), caller: { by: principal.keyId ?? principal.subject, via: 'gateway' } };
}
