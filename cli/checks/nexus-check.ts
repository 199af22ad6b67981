import { Connection } from '@temporalio/client';
import type { Config } from '../../config/env.ts';
import type { ConnectedGenerations } from '../command-context.ts';
import { shellQuote } from '../shell-quote.ts';
import type { Finding } from './health-checks.ts';

const check = 'nexus';
const pageSize = 1_000;

/** Checks that an endpoint leads to the workers that offer the Nexus service; no finding if none offer it. */
export async function checkNexus(
  { client }: ConnectedGenerations,
  { nexus, taskQueue }: Pick<Config, 'nexus' | 'taskQueue'>,
): Promise<Finding[]> {
  const { connection } = client;
  if (nexus === undefined || !(connection instanceof Connection)) return [];
  const { namespace } = client.options;
  const { endpoints } = await connection.operatorService.listNexusEndpoints({ pageSize });
  const here = endpoints.find(({ spec }) => {
    const worker = spec?.target?.worker;
    return worker?.namespace === namespace && worker.taskQueue === taskQueue;
  });
  if (here) {
    const message = `endpoint "${here.spec?.name ?? ''}" leads to task queue "${taskQueue}"`;
    return [{ check, status: 'ok', message }];
  }
  const message = `RUNCOMFY_NEXUS is on, but no endpoint leads to task queue "${taskQueue}" of namespace ${namespace}`;
  const fix = `\`temporal operator nexus endpoint create --name runcomfy --target-namespace ${shellQuote(namespace)} --target-task-queue ${shellQuote(taskQueue)}\``;
  return [{ check, status: 'warning', message, fix }];
}
