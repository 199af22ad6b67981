import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import type { Delivery, WebhookEvent } from '../../client/index.ts';
import { webhookEvents } from '../../domain/webhook/webhook-target.ts';
import { type CommandAdder, defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseEvent } from '../options/webhook-options.ts';
import { table } from '../printing/pretty.ts';

const secretBytes = 32;

const addList = defineCommand({
  signature: 'list <key>',
  summary: 'Show what webhooks were told of a generation: each event, its attempts, and when the next one comes.',
  examples: ['runcomfy-temporal webhooks list order-4711'],
  act: async ({ printer, withTemporal }, [key = '']) => {
    const deliveries = await withTemporal(({ generations }) => generations.webhooks.list(key));
    printer.print({ deliveries }, () =>
      table(['EVENT', 'STATE', 'ATTEMPTS', 'LAST ANSWER', 'NEXT', 'URL'], deliveries.map(toRow)),
    );
    return exitCodes.done;
  },
});

const addReplay = defineCommand<{ event: WebhookEvent }>({
  signature: 'replay <key>',
  summary: 'Deliver an event again, under the same webhook-id; one that is still on its way is tried now.',
  examples: ['runcomfy-temporal webhooks replay order-4711 --event succeeded'],
  set: (command) => {
    const option = new Option('--event <event>', `one of ${webhookEvents.join(', ')}; generation. may be left out`);
    command.addOption(option.argParser(parseEvent).makeOptionMandatory());
  },
  act: async ({ printer, withTemporal }, [key = ''], { event }) => {
    const delivery = await withTemporal(({ generations }) => generations.webhooks.replay(key, event));
    printer.print(delivery, () => `${delivery.event} is on its way to ${delivery.url}`);
    return exitCodes.done;
  },
});

const addSecret = defineCommand({
  signature: 'secret',
  summary: 'Print a fresh secret for the file of RUNCOMFY_WEBHOOK_SECRETS_FILE.',
  examples: ['runcomfy-temporal webhooks secret --output pretty'],
  act: ({ printer }) => {
    const secret = `whsec_${randomBytes(secretBytes).toString('base64')}`;
    printer.print({ secret }, () => secret);
    return Promise.resolve(exitCodes.done);
  },
});

/** `webhooks …`: which events of a generation were delivered, and to whom. */
export const addWebhooks: CommandAdder = (program: Command, run) => {
  const group = program.command('webhooks').description('Webhooks: see what was delivered, deliver it again.');
  for (const add of [addList, addReplay, addSecret]) add(group, run);
};

function toRow({ event, state, attempts, nextAttemptAt, refusedBecause, url }: Delivery): string[] {
  const last = attempts.at(-1);
  const answer = last?.httpStatus === undefined ? (last?.error ?? '') : String(last.httpStatus);
  return [event, state, String(attempts.length), refusedBecause ?? answer, nextAttemptAt ?? '', url];
}
