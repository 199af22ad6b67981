import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { checkArgument } from './generation/check-arguments.ts';
import { isBusy } from './grpc.ts';
import { checkScope, isComparable, type ListScope, scopeClauses } from './list-scope.ts';

/** Which workflows of a type are counted. */
export type CountScope = Pick<ListScope, 'keyPrefix'>;

/** Counts the workflows that match each of some named clauses of Temporal's index. */
export type CountEach = <Name extends string>(
  clauses: Partial<Record<Name, string>>,
) => Promise<Partial<Record<Name, number>>>;

const longestPauseMs = 2_000;

/**
 * Makes a function that counts the workflows matching each clause. The calls to Temporal's index run one after the
 * other, since a namespace is allowed about ten a second, lists included.
 */
export function createRunCount(client: Client, workflowType: string, scope: CountScope): CountEach {
  checkScope(scope);
  // Counts come straight from the index, so no key can be checked here afterwards as lists do it.
  const expected = 'text without quotes, question marks, backslashes and control characters, where it is counted';
  checkArgument('filter.keyPrefix', isComparable(scope.keyPrefix ?? ''), expected);
  const ofType = [`WorkflowType = "${workflowType}"`, ...scopeClauses(scope)].join(' AND ');
  const count = async (clause: string, pauseMs = 250): Promise<number> => {
    try {
      return (await client.workflow.count(`${ofType} AND ${clause}`)).count;
    } catch (error) {
      if (!isBusy(error) || pauseMs > longestPauseMs) throw error;
      await sleep(pauseMs * (0.5 + Math.random()));
      return await count(clause, pauseMs * 2);
    }
  };
  return async <Name extends string>(clauses: Partial<Record<Name, string>>) => {
    const counted: Partial<Record<Name, number>> = {};
    for (const [name, clause] of Object.entries<string | undefined>(clauses)) {
      if (clause !== undefined) counted[name as Name] = await count(clause);
    }
    return counted;
  };
}
