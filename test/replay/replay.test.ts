import { readdirSync, readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { budgetId, budgetWorkflowType } from '../../domain/budget/names.ts';
import {
  batchWorkflowType,
  generationWorkflowType,
  pipelineWorkflowType,
  webhookWorkflowType,
} from '../../domain/names.ts';
import { hangMs } from '../support/patience.ts';
import { pipelineShapes } from '../support/pipeline-shapes.ts';
import { shapes } from '../workflow/generation/shapes.ts';

/** What must have been recorded of each type of workflow. */
const shapesOfType: Record<string, readonly string[]> = {
  [generationWorkflowType]: [
    ...Object.keys(shapes),
    'continued-as-new',
    'cancelled-before-it-continues',
    'under-budgets',
    'detached-under-a-budget',
  ],
  [pipelineWorkflowType]: pipelineShapes,
  [batchWorkflowType]: [
    'junk-messages',
    'of-pipelines',
    'of-pipelines-at-a-wall',
    'paused-by-failures',
    'paused-resumed-limited',
    'set-and-cancelled',
    'wallet-empty-then-filled',
  ],
  [webhookWorkflowType]: ['delivered', 'delivered-by-a-second-worker', 'gone'],
  [budgetWorkflowType]: ['reserved-settled-released-closed'],
};

/** Events a run may end with. */
const closingEvents = /^EVENT_TYPE_WORKFLOW_EXECUTION_(COMPLETED|FAILED|CANCELED|CONTINUED_AS_NEW|TIMED_OUT)$/;

/** A task that a busy machine leaves unfinished fails nothing. */
const replayOptions = () => ({
  workflowBundle: { codePath: inject('workflowBundlePath') },
  isolateExecutionTimeout: hangMs,
});

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
});

describe.each(Object.keys(shapesOfType))('recorded histories of %s', (workflowType) => {
  const folder = new URL(`../histories/${workflowType}/`, import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

  it('exist for every shape', () => {
    const recorded = names.map((name) => name.replace(/(\.run-\d+)?\.json$/, ''));
    expect(recorded.length).toBeGreaterThan(0);
    expect(shapesOfType[workflowType]?.filter((shape) => !recorded.includes(shape))).toEqual([]);
  });

  it.each(names)('%s replays with the workflow as it is now', async (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const { events } = JSON.parse(text) as { events: { eventType: string }[] };
    expect(events[0]?.eventType).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    expect(events.at(-1)?.eventType).toMatch(closingEvents);
    // A budget has its name from its Workflow ID.
    const workflowId = workflowType === budgetWorkflowType ? budgetId('recorded') : `recorded-${name}`;
    await Worker.runReplayHistory(replayOptions(), historyFromJSON(JSON.parse(text)), workflowId);
  });
});
