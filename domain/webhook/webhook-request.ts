import type { InputIssue } from '../generation.ts';
import { createIssueList } from '../issues.ts';
import { isJsonObject } from '../json.ts';
import { describe, isMissing, refuseUnknown } from '../request-checks.ts';
import { type WebhookEvent, webhookEvents, webhookFields } from './webhook-target.ts';
import type { WebhookOrder } from './webhook.ts';

const maxUrlLength = 2_048;

/** Scheme, host, port, path and query. No login, no fragment, and nothing that a URL parser would silently fix. */
const urlPattern = /^https?:\/\/[^/?#@\\\s]+(?:[/?][^#\\\s]*)?$/i;
const printable = /^[\x21-\x7e]*$/;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const webhookIdPattern = /^[A-Za-z0-9_.-]{1,256}$/;

/** The format of the name of a webhook's secrets, for error messages. */
export const secretNameWords = '1 to 64 letters, digits, ".", "_" or "-"';

/** Whether a value is the name of a webhook's secrets, and not a secret itself. */
export function isSecretName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value) && !value.startsWith('whsec_');
}

/** Checks the `webhook` of a request. No message contains a URL or a secret. */
export function checkWebhookTarget(webhook: unknown, refuse: (field: string, message: string) => void): void {
  if (!isJsonObject(webhook)) {
    refuse('webhook', `expected an object { url, secret, events? }, got ${describe(webhook)}`);
    return;
  }
  refuseUnknown(refuse, 'webhook.', webhook, ['webhook', webhookFields]);
  const { url, secret, events } = webhook;
  const ofUrl = problemOfUrl(url);
  if (ofUrl !== undefined) refuse('webhook.url', ofUrl);
  const ofSecret = problemOfSecretName(secret);
  if (ofSecret !== undefined) refuse('webhook.secret', ofSecret);
  const ofEvents = isMissing(events) ? undefined : problemOfEvents(events);
  if (ofEvents !== undefined) refuse('webhook.events', ofEvents);
}

/** Finds what is wrong with the argument of `runcomfyWebhook`, which any service may have sent. */
export function problemsOfWebhookOrder(argument: unknown): InputIssue[] {
  const problems = createIssueList();
  if (!isJsonObject(argument)) {
    problems.add('order', `expected an object { webhookId, url, secret, body }, got ${describe(argument)}`);
    return problems.toIssues();
  }
  const { webhookId, url, secret, body } = argument as Partial<Record<keyof WebhookOrder, unknown>>;
  if (typeof webhookId !== 'string' || !webhookIdPattern.test(webhookId)) {
    problems.add('order.webhookId', `expected 1 to 256 letters, digits, ".", "_" or "-", got ${describe(webhookId)}`);
  }
  const ofUrl = problemOfUrl(url);
  if (ofUrl !== undefined) problems.add('order.url', ofUrl);
  const ofSecret = problemOfSecretName(secret);
  if (ofSecret !== undefined) problems.add('order.secret', ofSecret);
  if (!isJsonObject(body) || !isEvent(body['type']) || !isJsonObject(body['data'])) {
    problems.add('order.body', `expected { type, timestamp, data } of an event, got ${describe(body)}`);
  }
  return problems.toIssues();
}

/** Whether a value is one of `webhookEvents`. */
function isEvent(value: unknown): value is WebhookEvent {
  return webhookEvents.some((event) => event === value);
}

function problemOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string') return `expected an https:// URL, got ${describe(url)}`;
  if (url.length > maxUrlLength) return `expected at most ${String(maxUrlLength)} characters`;
  if (!printable.test(url)) return 'expected an https:// URL in ASCII, without blanks; percent-encode what else it has';
  if (urlPattern.test(url)) return undefined;
  return 'expected an https:// URL without login and fragment';
}

function problemOfSecretName(secret: unknown): string | undefined {
  if (isSecretName(secret)) return undefined;
  const expected = `expected the name of secrets, ${secretNameWords}`;
  // Not repeated in the message, since any string may be a secret.
  return typeof secret === 'string' ? `${expected}; never a secret itself` : `${expected}, got ${describe(secret)}`;
}

function problemOfEvents(events: unknown): string | undefined {
  const expected = `expected a list of ${webhookEvents.join(', ')}, each once`;
  if (!Array.isArray(events)) return `${expected}, got ${describe(events)}`;
  if (events.length === 0 || events.length > webhookEvents.length) return `${expected}, got ${String(events.length)}`;
  const odd = events.findIndex((event, index) => !isEvent(event) || events.indexOf(event) !== index);
  return odd === -1 ? undefined : `${expected}, got ${describe(events[odd])}`;
}
