import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isModelId } from '../../domain/request.ts';
import { mayDo, mayOrder, workflowIdOf } from '../access/principal.ts';
import { checkPrice } from '../catalogue/check-price.ts';
import { newKey } from '../contract/start-generation.ts';
import { checkInput } from '../generations/check-input.ts';
import { isPassing } from '../generations/patiently.ts';
import { startPatiently } from '../generations/start-patiently.ts';
import { tellStarted } from '../generations/tell-started.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { generationAnswer, waitSeconds } from './generation-answer.ts';
import { answerTool, leftOut, type McpContext, type ToolAnswer } from './tool.ts';

/** Equal orders within this time are one order, since agents repeat calls that timed out. */
const sameOrderMs = 10 * 60_000;

/** Adds the only tool that costs money. */
export function addOrderTool(server: McpServer, context: McpContext): void {
  const { parts, principal, takeStart } = context;
  server.registerTool(
    'order_generation',
    {
      description:
        'Orders one generation. COSTS MONEY. The same order_name never orders twice; without one, an equal order within ten minutes is the same generation, and "ordered" is false.',
      inputSchema: z.object({
        model: z.string(),
        input: z.record(z.string(), z.unknown()),
        order_name: leftOut(newKey).describe(
          'The key of the generation: another name is another order and another bill',
        ),
        max_price_usd: leftOut(z.number().positive()).describe('Nothing is sent whose price is above this, or unknown'),
        wait_seconds: waitSeconds,
      }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    },
    ({ model, input, order_name: name, max_price_usd: maxCostUsd, wait_seconds: seconds }) =>
      answerTool(
        context,
        async () => {
          mayDo(principal, 'generate');
          if (!isModelId(model)) throw new RefusalError('ModelUnknown', 'this is no model id: call find_models');
          await takeStart();
          const key = name ?? (await parts.dedupedKeys.keyFor({ principal, model, input }, sameOrderMs));
          const order = { model, input, ...(maxCostUsd !== undefined && { maxCostUsd }) };
          // Without an order name, an earlier failure that cost nothing is never what the caller wants to read.
          const retry = name === undefined ? ('if-unbilled' as const) : undefined;
          const check = async () => {
            mayOrder(principal, model);
            const hints = await checkInput(parts.catalogue, model, input);
            if (maxCostUsd !== undefined) {
              const limit = { name: 'max_price_usd', usd: maxCostUsd, otherwise: 'leave max_price_usd out' };
              await checkPrice(parts.catalogue, { model, input }, limit);
            }
            return hints;
          };
          const keyed = { key, isNewKey: false, keyName: 'order_name' };
          const { attached, notices } = await startPatiently(parts, principal, order, { ...keyed, retry, check });
          const unasked = (why: unknown): ToolAnswer & { words: string } => ({
            data: { key, ...(!attached && { phase: 'submitting' }) },
            words: isPassing(why)
              ? `Temporal does not tell now where it stands: call get_generation with key ${key}, do not order again.`
              : `Where it stands cannot be read here, and the gateway's log says why: its key is ${key}, do not order again.`,
          });
          const answer = await tellStarted(parts, { key, unasked }, () =>
            generationAnswer(context, workflowIdOf(principal, key), seconds),
          );
          return {
            ...answer,
            data: { ...answer.data, ordered: !attached, ...(notices.length > 0 && { notices }) },
            words: [
              attached
                ? 'Nothing was ordered: this order stands already. For a second copy on purpose, give another order_name.'
                : 'Ordered.',
              answer.words,
            ].join(' '),
          };
        },
        () => {
          parts.metrics.countStart('refused');
        },
      ),
  );
}
