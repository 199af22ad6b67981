import { fieldsOf } from '../fields-of.ts';

/** What a webhook can be told: how a generation ended, or that a person is needed. */
export const webhookEvents = [
  'generation.succeeded',
  'generation.failed',
  'generation.cancelled',
  'generation.timed_out',
  'generation.submission_unknown',
] as const;

/** One of `webhookEvents`. */
export type WebhookEvent = (typeof webhookEvents)[number];

/** The `webhook` of a request: where its end is told. */
export interface WebhookTarget {
  /** `https:`; plain http and private hosts only where the worker allows the host by name. */
  url: string;
  /** Name of the secrets that sign, never a secret itself. */
  secret: string;
  /** Default: all. */
  events?: WebhookEvent[];
}

/** The fields of a `WebhookTarget`. */
export const webhookFields = fieldsOf<WebhookTarget>()('url', 'secret', 'events');
