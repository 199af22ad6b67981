import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { wellFormed } from '../../domain/text.ts';
import { type Command, type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const body = { type: 'generation.failed', timestamp: '2026-11-26T05:00:00.000Z', data: { key: 'k', runId: 'r' } };
const still = { model: 'a/b', input: { prompt: 'x' } };

/** Orders that go on after their first task, and the messages that each takes. */
const workflows: [workflowType: string, argument: unknown, signals: string[], updates: string[]][] = [
  ['runcomfyGeneration', still, ['cancel', 'nudge', 'requestAccepted'], ['cancel', 'resolveSubmission']],
  ['runcomfyPipeline', { plan: { version: 1, steps: { still } } }, ['cancel', 'decide'], ['cancel', 'decide']],
  [
    'runcomfyBatch',
    { items: [{ id: '1', ...still }], keepOpen: true },
    ['cancel', 'pause', 'resume'],
    ['add', 'seal', 'pause', 'resume', 'set', 'cancel'],
  ],
  ['runcomfyBudget', { limitUsd: 5 }, ['settle'], ['reserve', 'set', 'release', 'close']],
  ['runcomfyWebhook', { webhookId: 'w', url: 'https://a.example', secret: 's', body }, ['retryNow'], []],
];

/** What cannot be read here: of an encoding that is not known, or encrypted by a key that this worker lacks. */
const payloads = ['binary/protobuf', 'json/protobuf', 'binary/encrypted', 'json/plain', 'of another world', ''].map(
  (encoding) => ({
    metadata: encoding === '' ? {} : { encoding: Buffer.from(encoding) },
    data: Buffer.from([0, 0xff, 0xfe]),
  }),
);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

describe.each(workflows)('%s', (workflowType, argument, signals, updates) => {
  it('fails no task over messages that cannot be read, and answers its state', async () => {
    const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'unreadable';
    for (const payload of payloads) {
      const run = await sandbox.open({ workflowType, workflowId, runId: crypto.randomUUID(), args: [argument], now });
      const first = await run.activate([run.first], { now });
      expect(first.some(({ failWorkflowExecution }) => failWorkflowExecution)).toBe(false);
      // Resolves where no task fails.
      for (const signalName of signals) {
        await run.activate([{ signalWorkflow: { signalName, input: [payload, payload] } }], { now });
      }
      for (const name of updates) {
        const update = { id: name, protocolInstanceId: name, name, input: [payload], runValidator: true, meta: {} };
        await run.activate([{ doUpdate: update }], { now });
      }
      if (workflowType !== 'runcomfyWebhook') expect(await run.query('state')).toEqual(expect.any(Object));
      await run.dispose();
    }
  });
});

/** Text of what a workflow asks for that is no payload: the SDK writes it as UTF-8, come what may. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(textsOf);
}

describe.each(workflows)('%s that is told half a character', (workflowType, argument, signals, updates) => {
  const half = '\ud83d';
  const item = { id: half, model: half, input: { prompt: half } };
  const messages = [
    { [half]: half },
    { key: half, reason: half },
    { model: half, webhookId: half, lineage: half },
    { step: half, decision: half },
    { step: half, decision: 'approve', reason: half, by: half },
    { action: half },
    { action: 'adopt', requestId: half },
    { reason: half },
    { requests: [{ key: half, priceUsd: 1 }] },
    { settlements: [{ key: half, outcome: half }] },
    { from: 1, items: [item] },
    { limitUsd: half, window: half, maxCostUsd: half },
  ];

  it('asks for nothing that holds one', async () => {
    const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'told-half';
    const asked: Command[] = [];
    for (const message of messages) {
      const input = toPayloads(defaultPayloadConverter, message) ?? [];
      const args = [{ ...(argument as object), ...message }];
      const wrong = await sandbox.open({ workflowType, workflowId, runId: crypto.randomUUID(), args, now });
      asked.push(...(await wrong.activate([wrong.first], { now })));
      await wrong.dispose();
      const run = await sandbox.open({ workflowType, workflowId, runId: crypto.randomUUID(), args: [argument], now });
      asked.push(...(await run.activate([run.first], { now })));
      for (const name of updates) {
        const update = { id: name, protocolInstanceId: name, name, input, runValidator: true, meta: {} };
        asked.push(...(await run.activate([{ doUpdate: update }], { now })));
      }
      for (const signalName of signals) {
        asked.push(...(await run.activate([{ signalWorkflow: { signalName, input } }], { now })));
      }
      await run.dispose();
    }
    expect(textsOf(asked).filter((text) => text !== wellFormed(text))).toEqual([]);
  });
});

describe.each(workflows)('%s with a memo that is not UTF-8', (workflowType, argument) => {
  const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'with-memo';
  const note = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"\xe9"', 'latin1') };

  /** What the first task asks for; `patches`: whose markers stand in the history that it is replayed from. */
  async function firstTask(patches?: readonly string[]): Promise<Command[]> {
    const run = await sandbox.open({ workflowType, workflowId, runId: 'run', args: [argument], now });
    const initializeWorkflow = { ...run.first.initializeWorkflow, memo: { fields: { note } } };
    const known = (patches ?? []).map((patchId): Job => ({ notifyHasPatch: { patchId } }));
    const commands = await run.activate([{ initializeWorkflow }, ...known], {
      now,
      isReplaying: patches !== undefined,
    });
    await run.dispose();
    return commands;
  }
  const patchesIn = (commands: Command[]) => commands.flatMap(({ setPatchMarker }) => setPatchMarker?.patchId ?? []);

  it('leaves no marker that a replay would not ask for', async () => {
    const commands = await firstTask();
    expect(patchesIn(commands)).not.toContain('orders-are-utf-8');
    expect(await firstTask(patchesIn(commands))).toEqual(commands);
  });

  it('asks for the marker that an earlier version has left', async () => {
    const commands = await firstTask();
    const replayed = await firstTask(['orders-are-utf-8', ...patchesIn(commands)]);
    expect(patchesIn(replayed)).toEqual(['orders-are-utf-8', ...patchesIn(commands)]);
    expect(replayed.slice(1)).toEqual(commands);
  });
});

describe.each(workflows)('%s whose argument cannot be read', (workflowType, argument) => {
  const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'unreadable';
  const json = JSON.stringify(argument);

  it.each([
    ['binary/plain', json, `${String(json.length)} bytes instead of JSON`],
    ['json/plain', `${json}}`, '"malformed JSON"'],
    ['json/protobuf', json, '"a payload that cannot be read: json/protobuf, not json/plain"'],
    ['of another world', json, '"a payload that cannot be read: of another world, not json/plain"'],
    ['', json, '"a payload that cannot be read: no encoding, not json/plain"'],
  ])('of encoding %j says so', async (encoding, text, found) => {
    const run = await sandbox.open({ workflowType, workflowId, runId: crypto.randomUUID(), args: [], now });
    const metadata = encoding === '' ? {} : { encoding: Buffer.from(encoding) };
    const initializeWorkflow = { ...run.first.initializeWorkflow, arguments: [{ metadata, data: Buffer.from(text) }] };
    const commands = await run.activate([{ initializeWorkflow }], { now });
    await run.dispose();
    const [failure] = commands.flatMap(({ failWorkflowExecution }) => failWorkflowExecution?.failure ?? []);
    expect(failure?.applicationFailureInfo?.type).toBe('InvalidInput');
    expect(failure?.message).toContain(`got ${found}`);
  });
});
