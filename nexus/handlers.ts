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

/** A handler has ten seconds, part of which is spent in transit. */
const stateWithinMs = 6_000;
/** How long a cancel waits for RunComfy's answer. */
const cancelWithinMs = 7_000;
/** How long a cancel then waits for the state, if no answer came. */
const lastLookWithinMs = 1_500;

/** Options of the Nexus handlers. */
export interface NexusOptions {
  client: Client;
  taskQueue: string;
  modelApiBase?: string;
  /** Prefix of the callers' keys in this namespace: `<tenant>/`, or empty. */
  keyPrefix?: string;
}

/** The handlers of `runcomfyService`, using this worker's client. */
export function createNexusHandlers({ client, taskQueue, modelApiBase, keyPrefix = '' }: NexusOptions): ServiceHandler {
  const generations = createGenerationClient({ client, taskQueue });
  const tenant = keyPrefix === '' ? undefined : keyPrefix.slice(0, -1);
  // A key that is not text is passed on, so that the client refuses it in its own words.
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
        // The operation's callback is registered with the start, or attached to the running workflow with this key.
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

  /** A caller may send any token, so it must name a generation of the caller's own. */
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
        // A caller that was told `unknown` asks again to learn the outcome, even once the cancel has ended the
        // generation.
        const patience = { timeoutMs: cancelWithinMs, stateTimeoutMs: lastLookWithinMs };
        return generation.cancel(reason, { ...patience, isRepeated: true });
      }),
  });
}

/** The workflow id in an operation's token; undefined if it is not the token of a workflow. */
function workflowIn(token: string): string | undefined {
  try {
    return loadWorkflowRunOperationToken(token).wid;
  } catch {
    return undefined;
  }
}

/** The given fields; callers in other languages may send anything, and `null` for absent fields. */
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
