import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkRequest, type StartOptions } from '../../client/index.ts';
import { findUnattendedQueues } from '../../client/operator/index.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { estimateModel } from '../../plans/estimate.ts';
import { catalogueOf } from '../catalogue.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { defineCommand } from '../define-command.ts';
import { deliver, type DownloadFlags, prepareDownload, resultCommand } from '../download/deliver.ts';
import { exitCodes } from '../exit-codes.ts';
import { catchInterrupts } from '../interrupts.ts';
import { labelsOf } from '../options/label-option.ts';
import { priorityOf } from '../options/priority-options.ts';
import { ownCommand } from '../own-command.ts';
import { costOf } from '../printing/estimate-table.ts';
import { waitForEnd } from '../wait-for-end.ts';
import { addGenerateOptions, type GenerateOrderFlags, readGenerateOrder } from './generate-order.ts';

const priceWithinMs = 3_000;

interface GenerateFlags extends GenerateOrderFlags, DownloadFlags {
  key?: string;
  wait: boolean;
  retry?: boolean;
}

/** `generate MODEL`: starts a generation, or attaches to the one of the same key, and waits for its result. */
export const addGenerate = defineCommand<GenerateFlags>({
  signature: 'generate <model>',
  summary:
    'Start a generation and wait for its result. The same --key attaches to the same generation and never bills twice.',
  examples: [
    `runcomfy-temporal generate blackforestlabs/flux-2/flash/text-to-image --input '{"prompt":"a lighthouse"}' --download .`,
    'runcomfy-temporal generate kling/kling-3.0/standard/image-to-video --input-file clip.json --key order-4711 --deadline 30m',
    `jq '.clip' job.json | runcomfy-temporal generate kling/kling-3.0/standard/image-to-video --input-file - --output json`,
    'runcomfy-temporal generate MODEL --request-id 7f9c… --key taken-over   # an existing RunComfy request, submits nothing',
  ],
  set: addGenerateOptions,
  act: async (context, [model = ''], options) => {
    const { printer } = context;
    const request = await readGenerateOrder(context, model, options);
    if (!options.wait && options.download !== undefined) {
      throw new CliError('Usage', '--no-wait and --download do not go together: the files come with the result');
    }
    const labels = labelsOf(options);
    const { key = `generation-${randomUUID()}` } = options;
    checkRequest(request, key, { modelApiBase: context.config().modelApiBase });
    await prepareDownload(options);
    const again = options.retry ? ({ retry: 'if-unbilled' } as const) : {};
    const startOptions: StartOptions = { key, ...priorityOf(options), ...labels, ...again };
    if (printer.format === 'pretty' && options.requestId === undefined) await tellPrice(context, request);
    return context.withTemporal(async (connected) => {
      const start = async () => {
        const command = resultCommand(key, options);
        context.followed = { key, command };
        // Printed before ordering, so that the order can be found again whatever happens to this process.
        if (options.key === undefined) printer.note(`key ${key}: \`${command}\` finds this order again`);
        const handle = await connected.generations.start(request, startOptions);
        for (const notice of handle.notices) printer.note(`note: ${notice}`);
        return handle;
      };
      if (options.wait) {
        const interrupts = catchInterrupts();
        try {
          const handle = await start();
          if (printer.format === 'pretty')
            printer.note(`${handle.attached ? 'attached to' : 'started'} generation ${key}`);
          return await deliver(context, handle, await waitForEnd(connected, handle, context, interrupts), options);
        } finally {
          interrupts.stop();
        }
      }
      const { runId } = await start();
      const [queue] = await findUnattendedQueues(connected.client, key);
      if (queue !== undefined) printer.note(`note: no worker polls task queue "${queue}" now; it starts once one does`);
      printer.print({ key, runId }, () => `started ${key}: \`${ownCommand('result', key)}\` waits for it`);
      return exitCodes.done;
    });
  },
});

/** Prints the expected price before a person pays. Does not wait for a slow catalogue. */
async function tellPrice({ config, printer }: CommandContext, { model, input }: GenerationRequest): Promise<void> {
  const line = await Promise.race([
    catalogueOf(config, ({ lookup }) => estimateModel(model, input, lookup)).catch(() => undefined),
    sleep(priceWithinMs, undefined, { ref: false }),
  ]);
  printer.note(`expected price: ${line === undefined ? 'unknown: the catalogue gives no answer' : costOf(line)}`);
}
