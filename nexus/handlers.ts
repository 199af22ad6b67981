import type { Client } from '@temporalio/client';
import { startWorkflow, type WorkflowHandle, WorkflowRunOperationHandler } from '@temporalio/nexus';
import { loadWorkflowRunOperationToken } from '@temporalio/nexus/lib/token.js';
import {
  HandlerError,
  HandlerStartOperationResult,
  serviceHandler,
  type ServiceHandler,
  type StartOperationContext,
} from 'nexus-rpc';
import { createGenerationClient } from '../client/index.ts';
import { startGenerationBy } from '../client/operator/index.ts';
import type { GenerationResult } from '../domain/generation.ts';
import { isJsonObject } from '../domain/json.ts';
import { refuseForeign, withOwnNames } from './own-names.ts';
import { type CancelInput, type GenerateInput, runcomfyService, type StateInput } from './service.ts';
import { toNexusError } from './to-nexus-error.ts';

/** A handler has ten seconds, of which the way here and back may take some. */
const stateWithinMs = 6_000;
const cancelWithinMs = 7_000;
const lastLookWithinMs = 1_500;

/** What the handlers work with. */
export interface NexusOptions {
  client: Client;
  taskQueue: string;
  modelApiBase?: string;
  /** What the keys of callers begin with here: `<tenant>/`, or nothing. */
  keyPrefix?: string;
}

/** The operations of `runcomfyService`, by this worker's client. */
export function createNexusHandlers({ client, taskQueue, modelApiBase, keyPrefix = '' }: NexusOptions): ServiceHandler {
  const generations = createGenerationClient({ client, taskQueue });
  const tenant = keyPrefix === '' ? undefined : keyPrefix.slice(0, -1);
  // What is no text is refused by the client, by its own words.
  const ownKey = (key: string) => (typeof (key as unknown) === 'string' && key !== '' ? `${keyPrefix}${key}` : key);

  async function generate(ctx: StartOperationContext, given: GenerateInput) {
    const { key = `nexus-${ctx.requestId}`, ...request } = givenFieldsOf(given);
    let running: WorkflowHandle<GenerationResult> | undefined;
    const order = withOwnNames(tenant, key, request);
    await refuseForeign(client, keyPrefix, key, order);
    const started = await startGenerationBy(
      client,
      order,
      { key: ownKey(key), keyTenant: tenant, tenant },
      {
        taskQueue,
        modelApiBase,
        // The callback of this operation goes with the start, or is attached to the run that has the key.
        starter: async (workflowType, options) => {
          running = await startWorkflow(ctx, workflowType, options);
          return { runId: running.runId ?? '', isNew: false };
        },
      },
    );
    if (running) {
      const found = running;
      return new WorkflowRunOperationHandler<GenerateInput, GenerationResult>(() => Promise.resolve(found)).start(
        ctx,
        given,
      );
    }
    const ended = await generations.get(started.key);
    return HandlerStartOperationResult.sync(await ended.result());
  }

  /** A caller may send any token: what it names has to be a generation of the caller's own. */
  async function cancelOperation(token: string): Promise<void> {
    const key = workflowIn(token);
    if (key === undefined || !key.startsWith(keyPrefix))
      throw new HandlerError('NOT_FOUND', 'there is no such operation');
    await generations.get(key);
    await client.workflow.getHandle(key).cancel();
  }

  return serviceHandler(runcomfyService, {
    generate: {
      start: (ctx, input) => inNexusWords(() => generate(ctx, input)),
      cancel: (_ctx, token) => inNexusWords(() => cancelOperation(token)),
    },
    state: (_ctx, input) =>
      inNexusWords(async () => {
        const { key } = givenFieldsOf<StateInput>(input);
        return (await generations.get(ownKey(key))).state({ timeoutMs: stateWithinMs });
      }),
    cancel: (_ctx, input) =>
      inNexusWords(async () => {
        const { key, reason } = givenFieldsOf<CancelInput>(input);
        const generation = await generations.get(ownKey(key));
        // Whoever was told `unknown` asks again to learn what became of it, also once the generation has ended by it.
        const patience = { timeoutMs: cancelWithinMs, stateTimeoutMs: lastLookWithinMs };
        return generation.cancel(reason, { ...patience, isRepeated: true });
      }),
  });
}

/** The workflow that an operation's token names; undefined where it is no token of a workflow. */
function workflowIn(token: string): string | undefined {
  try {
    return loadWorkflowRunOperationToken(token).wid;
  } catch {
    return undefined;
  }
}

/** Callers in other languages send what they like, and `null` for what they leave out. */
function givenFieldsOf<Fields extends object>(input: Fields): Partial<Fields> & Fields {
  const fields = Object.entries(isJsonObject(input) ? input : {}).filter(([, value]) => value !== null);
  return Object.fromEntries(fields) as Fields;
}

async function inNexusWords<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw toNexusError(error);
  }
}
