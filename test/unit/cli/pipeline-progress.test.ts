import { describe, expect, it, vi } from 'vitest';
import { pipelineRows } from '../../../cli/commands/pipeline/pipeline-rows.ts';
import { createPipelineProgress } from '../../../cli/commands/pipeline/progress.ts';
import { createPrinter, type OutputFormat } from '../../../cli/printing/printer.ts';
import { foldRows, type ProgressRow } from '../../../cli/printing/progress-rows.ts';
import type { KnownPipelineState, KnownState } from '../../../client/index.ts';

const now = Date.parse('2026-01-01T00:01:00Z');
const order = (more: Partial<KnownState>): KnownState => ({
  phase: 'in_queue',
  model: 'a/b',
  submission: 'accepted',
  reads: 1,
  deadlineAt: '2026-01-02T00:00:00Z',
  ...more,
});
const film: KnownPipelineState = {
  runId: 'run',
  phase: 'running',
  startedAt: '2026-01-01T00:00:00Z',
  deadlineAt: '2026-01-08T00:00:00Z',
  costUsd: 0.01,
  reservedUsd: 0.66,
  maxCostUsd: 5,
  warnings: [],
  steps: [
    {
      id: 'still',
      phase: 'ordered',
      items: [
        { index: 0, phase: 'succeeded', key: 'k0' },
        { index: 1, phase: 'ordered', key: 'k1' },
        { index: 2, phase: 'ordered', key: 'k2' },
        { index: 3, phase: 'failed', key: 'k3' },
      ],
    },
    { id: 'pick', phase: 'awaiting_decision', approval: { deadlineAt: '2026-01-01T00:03:00Z', onDeadline: 'reject' } },
    { id: 'clip', phase: 'ordered', key: 'k4', priceUsd: 0.63, attempts: [] },
    { id: 'voice', phase: 'ordered', key: 'k5' },
    { id: 'score', phase: 'waiting', waitsFor: ['clip'] },
    { id: 'old', phase: 'succeeded', key: 'k6', costUsd: 0.02, reused: true },
    { id: 'off', phase: 'skipped', reason: 'its if is false' },
    { id: 'bad', phase: 'failed', failure: { type: 'GenerationFailed', message: 'x' } },
  ],
  orders: {
    k1: order({ phase: 'in_progress' }),
    k2: order({}),
    k4: order({ queuePosition: 2, submittedAt: '2026-01-01T00:00:20Z' }),
    k5: order({
      phase: 'submitting',
      wall: { type: 'InsufficientBalance', message: 'empty', since: '', refusals: 1, nextTryAt: '' },
    }),
  },
};

describe('the rows of a pipeline', () => {
  it('tell of every step its phase, the live one of its generations, time and money', () => {
    expect(pipelineRows(film, { elapsedMs: 61_000, now }).map(({ line }) => line)).toEqual([
      '1:01 · running · $0.01 spent · $0.66 reserved · limit $5',
      'still  ordered · 1/4, 1 in progress, 1 in queue, 1 failed',
      'pick   awaiting decision · 2:00 left, then reject',
      'clip   in queue · position 2 · 0:40 · $0.63 expected',
      'voice  submitting · waits for a filled wallet',
      'score  waiting · for clip',
      'old    succeeded · reused · $0.02',
      'off    skipped · its if is false',
      'bad    failed · GenerationFailed',
    ]);
  });

  it('have marks that time alone does not change', () => {
    const marks = (elapsedMs: number, at: number) => pipelineRows(film, { elapsedMs, now: at }).map(({ mark }) => mark);
    expect(marks(61_000, now)).toEqual(marks(90_000, now + 29_000));
  });
});

describe('live progress of a pipeline', () => {
  const row = (id: string, line: string, isIdle = false): ProgressRow => ({ id, line, mark: line, isIdle });

  it('replaces its lines on a terminal, goes under a note, and never takes more lines than there are', () => {
    const { printer, text } = printing('pretty', { isTTY: true, columns: 20, rows: 4 });
    printer.progressRows([row('', 'one'), row('a', 'a line that is far too long')]);
    printer.progressRows([row('', 'two'), row('a', 'b')]);
    printer.note('note');
    printer.progressRows([row('', '1'), row('a', '2', true), row('b', '3'), row('c', '4', true)]);
    printer.endProgress();
    const up = '\r\u001B[1A\u001B[J';
    expect(text()).toBe(`one\na line that is far ${up}two\nb${up}note\n1\n3\n… and 2 more\r\u001B[2A\u001B[J`);
  });

  it('is a plain line for each step that has changed where lines stay, and nothing beside JSON', () => {
    const { printer, text } = printing('pretty', {});
    printer.progressRows([row('', 'one'), row('a', 'x')]);
    printer.progressRows([row('', 'one'), row('a', 'y')]);
    printer.endProgress();
    expect(text()).toBe('one\nx\ny\n');
    const json = printing('json', { isTTY: true });
    json.printer.progressRows([row('', 'one')]);
    expect(json.text()).toBe('');
  });

  it('says once in words what only a person can settle', () => {
    const { printer, text } = printing('pretty', {});
    const progress = createPipelineProgress('film', printer, () => undefined);
    const held = { ...film, orders: { ...film.orders, k4: order({ phase: 'submission_unknown' }) } };
    for (const state of [film, held, held]) progress.show(state);
    progress.stop();
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^step pick awaits a decision: .*pipeline status film.*pipeline approve film pick/);
    expect(lines[1]).toBe('step voice waits for a filled wallet: empty');
    expect(lines[2]).toMatch(
      /^step clip: it is unknown whether RunComfy accepted k4, so it is held\. .*resolve k4 --adopt/,
    );
  });

  it('folds what rests first', () => {
    const rows = [row('', 'all'), ...['a', 'b', 'c'].map((id) => row(id, id, true)), row('d', 'd')];
    expect(foldRows(rows, 3)).toEqual(['all', 'd', '… and 3 more']);
    expect(foldRows(rows, 5)).toHaveLength(5);
    expect(foldRows(rows, 0)).toEqual(['all', '… and 4 more']);
  });
});

function printing(format: OutputFormat, terminal: { isTTY?: boolean; columns?: number; rows?: number }) {
  vi.stubEnv('TERM', 'xterm');
  const written: string[] = [];
  const stream = () => ({ ...terminal, write: (text: string) => written.push(text) > 0 });
  const streams = { stdin: process.stdin, stdout: stream(), stderr: stream() } as unknown as Parameters<
    typeof createPrinter
  >[0];
  return { printer: createPrinter(streams, format), text: () => written.join('') };
}
