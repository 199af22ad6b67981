import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isBilledAllTheSame } from '../../domain/budget/settlement.ts';
import { type CancelOutcome, phases } from '../../domain/generation.ts';
import { everyTenant, mayDo, workflowIdOf } from '../access/principal.ts';
import { ofGenerations, workflowIdIn } from '../api/generations/find-generation.ts';
import { asKnown } from '../api/generations/later-rows.ts';
import { rowBody } from '../api/generations/row-body.ts';
import { cancelPatiently } from '../generations/cancel-patiently.ts';
import { patiently, readPatienceMs } from '../generations/patiently.ts';
import { generationAnswer, waitSeconds } from './generation-answer.ts';
import { answerTool, leftOut, leftOutAs, type McpContext } from './tool.ts';

const key = z.string().describe('The key that order_generation told');

const outcomeWords: Record<CancelOutcome, string> = {
  cancelled: 'Stopped: nothing is billed.',
  not_submitted: 'It was never sent: nothing is billed.',
  not_cancellable: 'It runs on and may be billed; its result still comes.',
  too_late: 'It had ended already.',
  unknown: 'The cancel is recorded; what RunComfy makes of it is not known yet: call get_generation.',
};

const stoppedWithABill = 'Stopped; something of this order may be billed all the same: call get_generation.';

/** Adds the tools that read and cancel generations. */
export function addGenerationTools(server: McpServer, context: McpContext): void {
  const { parts, principal, stopping, since } = context;
  server.registerTool(
    'get_generation',
    {
      description: 'Tells where a generation stands, with the URLs of its outputs once it succeeded. Free.',
      inputSchema: z.object({ key, wait_seconds: waitSeconds }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ key: given, wait_seconds: seconds }) =>
      answerTool(context, () => generationAnswer(context, workflowIdIn(principal, given), seconds)),
  );
  server.registerTool(
    'list_generations',
    {
      description: 'Lists generations, those that run first. Free.',
      inputSchema: z.object({
        phase: leftOut(z.enum(phases)),
        model: leftOut(z.string()),
        limit: leftOutAs(z.int().min(1).max(50), 20),
      }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    (filter) =>
      answerTool(context, async () => {
        const keyPrefix = principal.tenant === everyTenant ? undefined : workflowIdOf(principal, '');
        const list = async () => {
          const rows = [];
          for await (const row of parts.generations.list({ ...filter, keyPrefix })) {
            const known = asKnown(parts.reader, row);
            // The index may be behind what this gateway has told of the run.
            if (filter.phase === undefined || known.phase === filter.phase) rows.push(rowBody(principal, known));
          }
          return rows;
        };
        return { data: { generations: await patiently(parts.client, readPatienceMs, list) } };
      }),
  );
  server.registerTool(
    'cancel_generation',
    {
      description: 'Asks to stop a generation, and tells whether it is billed all the same.',
      inputSchema: z.object({ key, reason: leftOut(z.string().max(1_000)) }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    },
    ({ key: given, reason }) =>
      answerTool(context, async () => {
        mayDo(principal, 'generate');
        const workflowId = workflowIdIn(principal, given);
        const reply = await ofGenerations(() => cancelPatiently(parts, workflowId, { reason, since, stopping }));
        const mayBeBilled = reply.outcome === 'cancelled' && (await mayBeBilledAllTheSame(context, workflowId));
        return { data: { key: given, ...reply }, words: mayBeBilled ? stoppedWithABill : outcomeWords[reply.outcome] };
      }),
  );
}

/** True also if it cannot be determined now. */
async function mayBeBilledAllTheSame({ parts }: McpContext, workflowId: string): Promise<boolean> {
  const seen = await parts.reader.read(workflowId, 'whole').catch(() => undefined);
  return seen?.state === undefined || isBilledAllTheSame(seen.state);
}
