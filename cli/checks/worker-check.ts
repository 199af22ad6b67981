import {
  type AttendedQueue,
  describeQueue,
  findFailingGenerations,
  readSubmits,
  type TaskQueueKind,
} from '../../client/operator/index.ts';
import { submitTaskQueue } from '../../domain/names.ts';
import type { ConnectedGenerations } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { ownCommand } from '../own-command.ts';
import { shellQuote } from '../shell-quote.ts';
import type { Finding } from './health-checks.ts';

/** A worker polls at least once a minute; the server still lists it for five minutes after it stopped. */
const goneAfterMs = 90_000;

/** Checks that every queue has pollers, including the worker version that gets new work. */
export async function checkWorkers({ client }: ConnectedGenerations, taskQueue: string): Promise<Finding[]> {
  const queues: [string, TaskQueueKind, string][] = [
    [taskQueue, 'workflow', 'workflows'],
    [taskQueue, 'activity', 'reads'],
    [submitTaskQueue(taskQueue), 'activity', 'submits'],
  ];
  return Promise.all(
    queues.map(async ([queue, kind, what]) =>
      checkQueue(`workers: ${what}`, queue, await describeQueue(client, queue, kind)),
    ),
  );
}

/**
 * Checks that workers can go on with running generations. A worker with other code, or without the keys, fails on them
 * for ever.
 */
export async function checkGenerations({ client }: ConnectedGenerations, taskQueue: string): Promise<Finding> {
  const check = 'generations';
  const { failing, lookedAt } = await findFailingGenerations(client, taskQueue);
  const [first] = failing;
  if (!first) return { check, status: 'ok', message: `workers get on with the ${String(lookedAt)} looked at` };
  const { key, taskFailure } = first;
  return {
    check,
    status: 'failed',
    message: `workers fail on ${String(failing.length)} of the ${String(lookedAt)} looked at, such as ${key} (attempt ${String(taskFailure.attempts)}: ${taskFailure.reason})`,
    fix: `give the workers the code and the codec keys that these were started with; \`${ownCommand('status', key)}\` shows one`,
    exitCode: exitCodes.unavailable,
  };
}

/**
 * Checks the flow of submits: a forgotten pause looks like a stuck queue, and with several partitions a rate limit is
 * lower than configured.
 */
export async function checkSubmits(
  { client }: Pick<ConnectedGenerations, 'client'>,
  taskQueue: string,
): Promise<Finding> {
  const check = 'submits';
  const flow = await readSubmits(client, taskQueue);
  if (flow.isPaused) {
    const by = flow.pausedBy === undefined ? '' : ` by ${flow.pausedBy}`;
    const why = flow.reason === undefined ? '' : `: ${flow.reason}`;
    const message = `orders are paused since ${flow.pausedSince ?? 'an unknown time'}${by}${why}; ${String(flow.waiting)} wait`;
    return { check, status: 'warning', message, fix: '`runcomfy-temporal submits resume` sends them' };
  }
  if (flow.perSecond === undefined) return { check, status: 'ok', message: 'orders go out, without a limit of rate' };
  const limit = `orders go out, at most ${String(flow.perSecond)} a second`;
  if (flow.partitions === 1) return { check, status: 'ok', message: limit };
  return {
    check,
    status: 'warning',
    message: `${limit}, but the server splits "${flow.taskQueue}" into ${String(flow.partitions)} partitions: a low limit is not reached, and who is urgent waits with the others`,
    fix: `give the server matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions of 1 for "${flow.taskQueue}", as deploy/temporal/dynamic-config.yaml does`,
  };
}

/** Checks one task queue by its recent pollers and the versions that get new work. */
export function checkQueue(
  check: string,
  queue: string,
  { pollers, currentVersion, ramping }: AttendedQueue,
  now = Date.now(),
): Finding {
  const present = pollers.filter(({ lastSeenAt }) => now - lastSeenAt.getTime() < goneAfterMs);
  const failed = (message: string, fix: string): Finding => ({
    check,
    status: 'failed',
    message,
    fix,
    exitCode: exitCodes.unavailable,
  });
  if (present.length === 0) {
    const message =
      pollers.length === 0
        ? `nobody polls task queue "${queue}"`
        : `nobody polls task queue "${queue}" any more; its last worker was there ${ago(pollers, now)} ago`;
    return failed(message, 'start a worker with `runcomfy-temporal worker`, with the same RUNCOMFY_TASK_QUEUE');
  }
  const versions = new Set(present.map(({ version }) => version));
  const workers = `${String(new Set(present.map(({ identity }) => identity)).size)} on task queue "${queue}"`;
  if (!versions.has(currentVersion)) {
    const target = currentVersion === undefined ? 'workers without a version' : `version ${currentVersion}`;
    const [running] = [...versions].filter((version) => version !== undefined);
    const fix =
      running === undefined
        ? 'start the workers with TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID of that version'
        : `\`temporal worker deployment set-current-version ${versionFlags(running)} --yes\``;
    return failed(`${workers}, but new work goes to ${target}, which nobody runs`, fix);
  }
  if (ramping && !versions.has(ramping.version)) {
    return failed(
      `${workers}, but ${String(ramping.percentage)} % of new work goes to version ${ramping.version}, which nobody runs`,
      `start its workers, or \`temporal worker deployment set-ramping-version ${versionFlags(ramping.version)} --percentage 0 --yes\``,
    );
  }
  const version = currentVersion === undefined ? '' : `, version ${currentVersion} is current`;
  return { check, status: 'ok', message: `${workers}${version}` };
}

function ago(pollers: AttendedQueue['pollers'], now: number): string {
  const lastSeen = Math.max(...pollers.map(({ lastSeenAt }) => lastSeenAt.getTime()));
  return `${String(Math.round((now - lastSeen) / 1_000))} s`;
}

function versionFlags(version: string): string {
  const at = version.indexOf('.');
  return `--deployment-name ${shellQuote(version.slice(0, at))} --build-id ${shellQuote(version.slice(at + 1))}`;
}
