import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Client } from '@temporalio/client';
import { readSubmits } from '../client/operator/index.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import { messageOf } from '../domain/text.ts';
import type { GenerationWorker } from './create-worker.ts';

/**
 * Shorter than the usual timeout of a probe, 1 s. A deadline alone does not bound a call, since the client library
 * retries it.
 */
const answerWithinMs = 800;

/** The parts of a worker that the probes check. */
export type WorkerHealth = Pick<GenerationWorker, 'isRunning' | 'isTokenRefused'>;

export interface HealthServer {
  close: () => Promise<void>;
}

/**
 * Serves `/healthz` (the process is alive) and `/readyz` (its workers poll, RunComfy has not refused the token, and
 * Temporal reads from its database; an open port proves nothing). Replies 200 or 503 with one JSON line that says why.
 * `/readyz` also reports whether orders are paused. A pause does not change the status: reads, results and cancels go
 * on.
 */
export async function serveHealth(
  address: ListenAddress,
  worker: WorkerHealth,
  client: Client,
  taskQueue: string,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const reply = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    if (path === '/healthz') {
      reply(200, { status: 'ok' });
    } else if (path === '/readyz') {
      void Promise.all([whyNotReady(worker, client), pauseOf(client, taskQueue)]).then(([reason, pause]) => {
        if (reason === undefined) reply(200, { status: 'ready', ...pause });
        else reply(503, { status: 'not_ready', reason, ...pause });
      });
    } else {
      reply(404, { status: 'not_found', paths: ['/healthz', '/readyz'] });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function whyNotReady(worker: WorkerHealth, client: Client): Promise<string | undefined> {
  if (!worker.isRunning()) return 'the worker does not poll (starting, draining or stopped)';
  if (worker.isTokenRefused()) return 'RunComfy refuses the token; renew it, the generations wait for that';
  const { namespace } = client.options;
  const late = `Temporal does not answer within ${String(answerWithinMs)} ms`;
  try {
    return await inTime(
      client,
      () => client.workflowService.describeNamespace({ namespace }).then(() => undefined),
      late,
    );
  } catch (error) {
    return `Temporal does not answer: ${messageOf(error)}`;
  }
}

/**
 * The pause of orders, for operators who want to see it everywhere. It is left out when the server does not answer in
 * time, because readiness does not depend on it.
 */
async function pauseOf(client: Client, taskQueue: string): Promise<{ submits?: 'paused'; pause?: string }> {
  try {
    const flow = await inTime(client, () => readSubmits(client, taskQueue), undefined);
    if (flow?.isPaused !== true) return {};
    const { pausedSince, reason } = flow;
    return {
      submits: 'paused',
      pause: `since ${pausedSince ?? 'an unknown time'}${reason === undefined ? '' : `: ${reason}`}`,
    };
  } catch {
    return {};
  }
}

/** Resolves to the answer of a call, or to `late` when there is none in time. The call itself may go on after that. */
async function inTime<Answer, Late>(client: Client, call: () => Promise<Answer>, late: Late): Promise<Answer | Late> {
  const signal = AbortSignal.timeout(answerWithinMs);
  return await Promise.race([client.withAbortSignal(signal, call), once(signal, 'abort').then(() => late)]);
}
