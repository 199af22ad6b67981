import { type Command, InvalidArgumentError, Option } from 'commander';
import { withoutUndefined } from '../../domain/json.ts';
import { type WebhookEvent, webhookEvents, type WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import { CliError } from '../cli-error.ts';

/** The webhook of an order as given on the command line. */
export interface WebhookFlags {
  webhook?: string;
  webhookSecret?: string;
  webhookEvent?: WebhookEvent[];
}

/** Adds the webhook options to a command that orders. */
export function addWebhookOptions(command: Command): void {
  command
    .option('--webhook <url>', 'tell this https: URL how it ended')
    .option('--webhook-secret <name>', 'name of the secrets of the workers that sign it')
    .addOption(
      new Option('--webhook-event <event>', 'an event to tell, several times for several; default: all').argParser(
        (text: string, before?: WebhookEvent[]) => [...(before ?? []), parseEvent(text)],
      ),
    );
}

/** The webhook given by the flags, if any. */
export function webhookOf({ webhook: url, webhookSecret: secret, webhookEvent: events }: WebhookFlags) {
  if (url === undefined && secret === undefined && events === undefined) return undefined;
  if (url === undefined || secret === undefined) {
    throw new CliError('Usage', '--webhook URL and --webhook-secret NAME go together');
  }
  return withoutUndefined({ url, secret, events }) satisfies WebhookTarget;
}

/** Parses an event, by its full name or without `generation.`. */
export function parseEvent(text: string): WebhookEvent {
  const event = webhookEvents.find((each) => each === text || each === `generation.${text}`);
  if (event !== undefined) return event;
  throw new InvalidArgumentError(`Expected one of ${webhookEvents.join(', ')}.`);
}
