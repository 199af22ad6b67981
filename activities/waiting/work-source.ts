import { createHash } from 'node:crypto';

/** Names a task queue and a RunComfy together: what ran elsewhere, in a simulator for instance, teaches nothing here. */
export function workSourceOf(taskQueue: string, modelApiBase: string): string {
  return createHash('sha256')
    .update(JSON.stringify([taskQueue, modelApiBase]))
    .digest('hex')
    .slice(0, 12);
}
