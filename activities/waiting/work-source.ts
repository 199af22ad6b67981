import { createHash } from 'node:crypto';

/**
 * Identifies a task queue together with a RunComfy: work that ran elsewhere, e.g. in a simulator, teaches nothing here.
 */
export function workSourceOf(taskQueue: string, modelApiBase: string): string {
  return createHash('sha256')
    .update(JSON.stringify([taskQueue, modelApiBase]))
    .digest('hex')
    .slice(0, 12);
}
