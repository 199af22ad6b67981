import { fieldsOf } from '../fields-of.ts';

/** The events of a webhook: how a generation ended, or that a person is needed. */
export const webhookEvents = [
  'generation.succeeded',
  'generation.failed',
  'generation.cancelled',
  'generation.timed_out',
  'generation.submission_unknown',
] as const;

/** One of `webhookEvents`. */
export type WebhookEvent = (typeof webhookEvents)[number];

/** The `webhook` of a request: who is notified of its end. */
export interface WebhookTarget {
  /** Must be `https:`; plain http and private hosts only if the worker allows the host by name. */
  url: string;
  /** Name of the secrets used for signing, never a secret itself. */
  secret: string;
  /** Default: all. */
  events?: WebhookEvent[];
}

/** The fields of a `WebhookTarget`. */
export const webhookFields = fieldsOf<WebhookTarget>()('url', 'secret', 'events');
