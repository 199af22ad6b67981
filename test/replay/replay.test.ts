import { readdirSync, readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { budgetId, budgetWorkflowType } from '../../domain/budget/names.ts';
import { hangMs } from '../support/patience.ts';
import { pipelineShapes } from '../support/pipeline-shapes.ts';
import { shapes } from '../workflow/generation/shapes.ts';

const folder = new URL('../histories/runcomfyGeneration/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const shapeOf = (name: string) => name.replace(/(\.run-\d+)?\.json$/, '');

/** Events a run of a generation may end with. */
const closingEvents = /^EVENT_TYPE_WORKFLOW_EXECUTION_(COMPLETED|FAILED|CANCELED|CONTINUED_AS_NEW|TIMED_OUT)$/;

/** A task that a busy machine leaves unfinished fails nothing. */
const replayOptions = () => ({
  workflowBundle: { codePath: inject('workflowBundlePath') },
  isolateExecutionTimeout: hangMs,
});

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
});

describe.each(['runcomfyPipeline', 'runcomfyBatch', 'runcomfyWebhook', budgetWorkflowType])(
  'recorded histories of %s',
  (workflowType) => {
    const folderOfType = new URL(`../histories/${workflowType}/`, import.meta.url);
    const names = readdirSync(folderOfType).filter((name) => name.endsWith('.json'));

    it.each(names)('%s replays with the workflow as it is now', async (name) => {
      const history: unknown = JSON.parse(readFileSync(new URL(name, folderOfType), 'utf8'));
      // A budget has its name from its Workflow ID.
      const workflowId = workflowType === budgetWorkflowType ? budgetId('recorded') : `recorded-${name}`;
      await Worker.runReplayHistory(replayOptions(), historyFromJSON(history), workflowId);
    });
  },
);

describe('recorded histories', () => {
  it('exist for every shape of a pipeline, and for no other', () => {
    const recorded = readdirSync(new URL('../histories/runcomfyPipeline/', import.meta.url)).map(shapeOf);
    expect([...new Set(recorded)].sort()).toEqual([...pipelineShapes].sort());
  });

  it('exist for every shape of the workflow', () => {
    const recorded = files.map(shapeOf);
    expect(Object.keys(shapes).filter((name) => !recorded.includes(name))).toEqual([]);
    expect(recorded).toContain('continued-as-new');
  });

  for (const name of files) {
    it(`${name} replays with the workflow as it is now`, async () => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      const { events } = JSON.parse(text) as { events: { eventType: string }[] };
      expect(events[0]?.eventType).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
      expect(events.at(-1)?.eventType).toMatch(closingEvents);
      await Worker.runReplayHistory(replayOptions(), historyFromJSON(JSON.parse(text)), `recorded-${name}`);
    });
  }
});
