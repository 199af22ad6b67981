import { describe, expect, it } from 'vitest';
import { addBatchWatch } from '../../../cli/commands/batch/follow.ts';
import { waitForBatch } from '../../../cli/commands/batch/wait.ts';
import { waitForPipeline } from '../../../cli/commands/pipeline/wait.ts';
import { addPipelineWatch } from '../../../cli/commands/pipeline/watch.ts';
import { addWatch } from '../../../cli/commands/watch.ts';
import type { InterruptHandlers } from '../../../cli/interrupts.ts';
import type { Printer } from '../../../cli/printing/printer.ts';
import { waitForEnd } from '../../../cli/wait-for-end.ts';
import { GenerationError, type GenerationErrorType } from '../../../client/index.ts';
import { commandOn } from '../../support/command-on.ts';

const commands = { generate: waitForEnd, 'pipeline run': waitForPipeline } as unknown as Record<
  string,
  (...parts: unknown[]) => Promise<unknown>
>;

const standing = { counts: {}, money: {}, rate: {} };

function promised() {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<unknown>((onValue, onError) => ([resolve, reject] = [onValue, onError]));
  return { promise, resolve, reject };
}

/** A command that waits for an end, and what a person does and reads meanwhile. */
function waiting(wait: (...parts: unknown[]) => Promise<unknown>) {
  const [end, cancelled] = [promised(), promised()];
  const notes: string[] = [];
  let handlers: InterruptHandlers | undefined;
  const handle = {
    key: 'k',
    result: ({ signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => {
        end.reject(signal.reason as Error);
      });
      return end.promise;
    },
    async *watch() {},
    cancel: () => cancelled.promise,
  };
  const printer = { note: (note: string) => notes.push(note), endProgress: () => undefined } as unknown as Printer;
  const interrupts = {
    answer: (given: InterruptHandlers) => {
      handlers = given;
    },
    stop: () => {
      handlers = undefined;
    },
  };
  const ended = wait({ client: {} }, handle, { printer }, interrupts).then(
    () => 'ended',
    (error: unknown) => error,
  );
  return { end, cancelled, notes, ended, first: () => handlers?.onFirst(), detach: () => handlers?.onDetach() };
}

describe.each(Object.entries(commands))('%s, whose wait is broken off', (_, wait) => {
  it('tells what became of the cancel, also where the end is known first', async () => {
    const { end, cancelled, notes, ended, first } = waiting(wait);
    first();
    end.resolve({});
    expect(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100, 'waits'))])).toBe('waits');
    cancelled.resolve({ outcome: 'cancelled' });
    expect(await ended).toBe('ended');
    expect(notes.join('\n')).toContain('cancelled: ');
  });

  it('gives the end that is known at the second interrupt, without that answer', async () => {
    const { end, ended, first, detach } = waiting(wait);
    first();
    end.resolve({});
    await new Promise((resolve) => setTimeout(resolve, 0));
    detach();
    expect(await ended).toBe('ended');
  });

  it('ends at the second interrupt without that answer', async () => {
    const { ended, first, detach } = waiting(wait);
    first();
    detach();
    expect(await ended).toMatchObject({ type: 'StillRunning' });
  });
});

describe('batch watch at a pause', () => {
  it.each([
    ...([
      ['balance', 69],
      ['budget', 69],
      ['max_cost', 69],
      ['unauthenticated', 77],
      ['failures', 75],
      ['restarted', 75],
    ] as const),
    ['user', 0],
  ] as const)('of reason %s exits with %i', async (reason, code) => {
    const watch = async function* () {
      yield await Promise.resolve({ ...standing, phase: 'paused', paused: { reason, since: '2026-01-01T00:00:00Z' } });
      yield { ...standing, phase: 'succeeded', paused: null };
    };
    const batch = { watch, result: () => Promise.resolve({ phase: 'succeeded' }) };
    const generations = { batches: { get: () => Promise.resolve(batch) } };
    const { exitCode, stdout } = await commandOn(addBatchWatch, ['watch', 'k', '--output', 'json'], { generations });
    expect(exitCode).toBe(code);
    const [first, second] = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
    expect(first).toMatchObject({ paused: { reason } });
    const goOn = expect.stringContaining('batch resume') as string;
    expect(second).toMatchObject(code === 0 ? { phase: 'succeeded' } : { error: { message: goOn, key: 'k' } });
  });
});

describe.each([
  ['watch', addWatch],
  ['batch watch', addBatchWatch],
  ['pipeline watch', addPipelineWatch],
] as const)('%s', (_what, add) => {
  const watching = async (phase: string | undefined, type: GenerationErrorType) => {
    const refusal = new GenerationError({ type, message: 'why it ends', key: 'k' });
    const watch = async function* () {
      await Promise.resolve();
      if (phase === undefined) throw refusal;
      yield { ...standing, phase, steps: [], orders: {}, paused: null };
    };
    const followed = { watch, result: () => Promise.reject(refusal) };
    const get = () => Promise.resolve(followed);
    const generations = { get, batches: { get }, pipelines: { get } };
    const { exitCode, stdout } = await commandOn(add, ['watch', 'k', '--output', 'json'], { generations });
    // A document of several lines is indented but for its first.
    const documents = stdout.split(/\n(?=\{)/);
    return { exitCode, lines: documents.map((document) => JSON.parse(document) as unknown) };
  };

  it.each([
    ['cannot be read here', undefined, 'Undecodable', 78],
    ['is not told by a Temporal that is away', 'running', 'TemporalUnreachable', 69],
    ['has ended, how cannot be read here', 'failed', 'Undecodable', 78],
    ['fails before its state says so', 'running', 'GenerationFailed', 1],
  ] as const)('of what %s says why it ends', async (_why, phase, type, code) => {
    const { exitCode, lines } = await watching(phase, type);
    expect(exitCode).toBe(code);
    expect(lines.at(-1)).toMatchObject({ error: { type, message: 'why it ends', key: 'k' } });
  });

  it('says no more where the last state has told the end', async () => {
    const { exitCode, lines } = await watching('failed', 'GenerationFailed');
    expect([exitCode, lines]).toMatchObject([1, [{ phase: 'failed' }]]);
  });
});

it.each([
  ['generate', waitForEnd],
  ['pipeline run', waitForPipeline],
  ['batch run', waitForBatch],
] as const)('%s leaves at once what cannot be read here', async (_what, wait) => {
  const unreadable = new GenerationError({ type: 'Undecodable', message: 'sealed', key: 'k' });
  const handle = {
    key: 'k',
    watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(unreadable) }) }),
    result: ({ signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  };
  const printer = { endProgress: () => undefined };
  const waited = (wait as (...parts: unknown[]) => Promise<unknown>)({ client: {} }, handle, { printer });
  await expect(waited).rejects.toBe(unreadable);
});
