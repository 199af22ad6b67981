import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import fc from 'fast-check';
import pino from 'pino';
import { createGenerationClient, type PipelineHandle } from '../../../client/index.ts';
import type { PipelineCancelReply, PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import { messageOf } from '../../../domain/text.ts';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { type Simulator, startSimulator } from '../../../simulator/index.ts';
import { createGenerationWorker } from '../../../worker/index.ts';
import { hangMs } from '../../support/patience.ts';
import type { PipelineCampaign } from './campaign.ts';
import { planOf } from './plan-of.ts';
import { type PipelineScript, pipelineScripts } from './script.ts';
import { faultsOf, type ServerAccount, serverAccount } from './server-truth.ts';

/** Random plans on a Temporal server: the product's worker, client and simulator, a lane for each plan at a time. */
export async function fuzzPipelinesOnServer(parts: {
  plans: number;
  seed: number;
  parallel: number;
  address: string;
  workflowBundle: { code: string } | { codePath: string };
}): Promise<PipelineCampaign> {
  const { plans, seed, parallel } = parts;
  const campaign: PipelineCampaign = { plans, seed, ends: {}, orders: 0, found: [] };
  const samples = fc.sample(pipelineScripts, { numRuns: plans, seed }).entries();
  const lane = async (number: number) => {
    const opened = await openLane(parts, `fuzz-pipelines-${String(seed)}-${String(process.pid)}-${String(number)}`);
    try {
      for (const [index, script] of samples) {
        const account = await opened.play(script, seed + index).catch((error: unknown): ServerAccount => ({
          broken: [`it could not be played: ${messageOf(error)}`],
          ends: [],
          orders: 0,
        }));
        for (const end of account.ends) campaign.ends[end] = (campaign.ends[end] ?? 0) + 1;
        campaign.orders += account.orders;
        const { broken } = account;
        if (broken.length > 0) campaign.found.push({ seed, path: String(index), script, broken });
      }
    } finally {
      await opened.close();
    }
  };
  await Promise.all(Array.from({ length: parallel }, (_, number) => lane(number)));
  return campaign;
}

async function openLane(parts: { address: string; workflowBundle: object }, taskQueue: string) {
  const simulator = await startSimulator({
    seed: 1,
    profiles: { '*': { queueMs: 300, runMs: 300 } },
    switches: { max_parallel: 1_000, wallet_usd: 10_000, output_host: 'https://files.example.com' },
  });
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => 'sim-fuzz' });
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-fuzz-pipelines-'));
  const connection = await NativeConnection.connect({ address: parts.address });
  const clientConnection = await Connection.connect({ address: parts.address, connectTimeout: hangMs });
  const client = new Client({ connection: clientConnection });
  const worker = await createGenerationWorker({
    connection,
    client,
    namespace: 'default',
    runcomfy,
    stateDir,
    log: pino({ level: 'silent' }),
    taskQueue,
    workflowBundle: parts.workflowBundle as { codePath: string },
  });
  const done = worker.run();
  return {
    play: (script: PipelineScript, seed: number) =>
      play({
        client,
        taskQueue,
        simulator,
        script,
        seed,
        workflowBundle: parts.workflowBundle as { codePath: string },
      }),
    async close() {
      worker.shutdown();
      await done;
      await connection.close();
      await clientConnection.close();
      await runcomfy.close();
      await simulator.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Times of a script are minutes in process; here they are seconds. */
const shorter = 12;

async function play(parts: {
  client: Client;
  taskQueue: string;
  simulator: Simulator;
  script: PipelineScript;
  seed: number;
  workflowBundle: { codePath: string };
}): Promise<ServerAccount> {
  const { client, taskQueue, simulator, script, seed, workflowBundle } = parts;
  const generations = createGenerationClient({ client, taskQueue });
  const key = `${taskQueue}-${String(seed)}`;
  simulator.reset({ seed });
  simulator.setFaults(faultsOf(script));
  const states: PipelineState[] = [];
  const cancels: PipelineCancelReply[][] = [];
  const edits = new Map<number, number>();
  const unreplayed: string[] = [];
  for (const [number, run] of script.runs.entries()) {
    if (number > 0 && run.edited !== undefined && run.edited < script.steps.length) edits.set(run.edited, number);
    const plan = planOf(script, edits, { name: `${key} `, deadline: '4s' });
    const request = { plan, maxParallel: script.maxParallel, onUnknownSubmission: 'fail' as const };
    const pipeline = await generations.pipelines.start(request, { key, rerun: number > 0 });
    const over = new AbortController();
    const ended = pipeline.result({ signal: AbortSignal.timeout(hangMs) }).then(
      () => undefined,
      () => undefined,
    );
    const replies: PipelineCancelReply[] = [];
    cancels.push(replies);
    const troubles = troublesOf(client, pipeline, run, over.signal, replies);
    await ended;
    over.abort();
    await troubles;
    // What does not replay has no state to tell.
    const history = await client.workflow.getHandle(key, pipeline.runId).fetchHistory();
    const patient = { workflowBundle, isolateExecutionTimeout: hangMs };
    await Worker.runReplayHistory(patient, history, key).catch((error: unknown) => {
      unreplayed.push(`run ${String(number)} does not replay: ${messageOf(error).slice(0, 1_000)}`);
    });
    if (unreplayed.length > 0) return { broken: unreplayed, ends: [], orders: 0 };
    states.push(await answeredState(pipeline));
  }
  return await serverAccount({ name: `${key} `, script, states, cancels, simulator, generations });
}

/** A worker that is busy may leave a question unanswered: what Temporal itself knows names no orders. */
async function answeredState(pipeline: PipelineHandle): Promise<PipelineState> {
  for (;;) {
    const state = await pipeline.state();
    if (!state.isFromServer) return state;
    await sleep(500);
  }
}

async function troublesOf(
  client: Client,
  pipeline: PipelineHandle,
  { cancels, decisions }: PipelineScript['runs'][number],
  signal: AbortSignal,
  replies: PipelineCancelReply[],
): Promise<void> {
  const at = async (afterMs: number, act: () => Promise<unknown>) => {
    // What comes too late is refused, and the end of the pipeline ends the wait.
    await sleep(afterMs / shorter, undefined, { signal })
      .then(act)
      .catch(() => undefined);
  };
  const handle = client.workflow.getHandle(pipeline.key);
  await Promise.all([
    ...cancels.map(({ afterMs, way, detach }) =>
      at(afterMs, async () => {
        if (way === 'workflow') await handle.cancel();
        else if (way === 'terminate') await handle.terminate('fuzz');
        else if (way === 'signal') await handle.signal('cancel', { detach });
        else replies.push(await pipeline.cancel({ detach }));
      }),
    ),
    ...decisions.map(({ afterMs, step, way, decision, choose }) =>
      at(afterMs, async () => {
        const payload = { step: `s${String(step)}`, decision, ...(decision === 'approve' && { choose }) };
        if (way === 'signal') await handle.signal('decide', payload);
        else await handle.executeUpdate('decide', { args: [payload] });
      }),
    ),
  ]);
}
