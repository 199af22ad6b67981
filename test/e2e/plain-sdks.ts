import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { generationWorkflowType } from '../../domain/names.ts';
import { eventually } from '../support/eventually.ts';
import { goExample } from '../support/examples/examples-go.ts';
import { pythonForExamples } from '../support/examples/examples-python.ts';
import type { Ended, Running, Surroundings } from '../support/examples/examples.ts';
import { untilAnswered } from '../support/until-answered.ts';

/** Holds the programs of examples `go` and `python` to the same commands, and to what they print. */
export function describePlainSdks(around: () => Surroundings): void {
  let building: Promise<string>;

  // Where it was never compiled that takes minutes: it goes on beside the tests before.
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-plain-sdk-'));
    building = goExample('go', { into: folder });
    const built = building.catch(() => undefined);
    return async () => {
      await built;
      await rm(folder, { recursive: true, force: true });
    };
  });

  const commandLines = {
    Go: async () => [await building],
    Python: async () => [await pythonForExamples(), 'examples/python/main.py'],
  };

  describe.each(Object.entries(commandLines))('a generation by the plain Temporal SDK of %s', (_, commandLine) => {
    let program = '';
    let first: string[] = [];
    const unattended = newKey();
    let left: Promise<Ended>;

    const start = (...args: string[]): Running => around().program(program, [...first, ...args]);
    const tells = async (...args: string[]) => told(await start(...args).ended);
    const jobs = () => around().simulator.ledger().jobs;
    const totals = () => around().simulator.ledger().totals;

    const untilPhase = async (key: string, phase: string) => {
      const asked = around().client.workflow.getHandle(key);
      await eventually(async () => {
        expect(await asked.query('state')).toMatchObject({ phase });
      });
    };
    const signalsOf = async (key: string) => {
      const { events } = await around().client.workflow.getHandle(key).fetchHistory();
      const signals = events?.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => signal ?? []) ?? [];
      const sent = signals.map(({ signalName, input }) => [
        signalName,
        Buffer.from(input?.payloads?.[0]?.data ?? []).toString(),
      ]);
      // A worker that does not hear Temporal's acknowledgement in time hands the request id over by itself.
      return sent.filter(([name]) => name !== 'requestAccepted');
    };

    beforeAll(async () => {
      [program = '', ...first] = await commandLine();
      const args = [{ model: 'a/b', input: {} }];
      const nobody = { workflowId: unattended, taskQueue: 'nobody-listens', args };
      await around().client.workflow.start(generationWorkflowType, nobody);
      // Takes as long as the program waits for a worker: meanwhile the other tests go on.
      left = start('cancel', unattended, 'wrong scene').ended;
    });

    it('orders once for a key, and attaches to it while it runs and when it has ended', async () => {
      around().simulator.hold({ stage: 'queue' });
      const key = newKey();
      const ordering = start('order', key);
      await untilPhase(key, 'in_queue');
      const requestId = jobs()[0]?.id ?? '';
      const attaching = [start('order', key), start('await', key)];
      expect(await tells('state', key)).toEqual([0, 'phase in_queue', `submission accepted ${requestId}`]);
      expect(await tells('nudge', key)).toEqual([0, '']);
      // While a workflow task is under way, a signal stands in no history yet.
      await eventually(async () => {
        expect(await signalsOf(key)).toMatchObject([['nudge', expect.anything()]]);
      });
      around().simulator.release();

      const ordered = await ordering.ended;
      const [code, , ...end] = told(ordered);
      expect(told(ordered).slice(0, 3)).toEqual([0, `key ${key}`, `succeeded ${requestId}`]);
      expect(ordered.stdout).toContain(`\noutput ${around().simulator.url}/`);
      const attached = await Promise.all(attaching.map(({ ended }) => ended));
      expect(attached.map(told)).toEqual([told(ordered), [code, ...end]]);
      expect(await tells('order', key)).toEqual(told(ordered));
      expect(totals()).toMatchObject({ accepted: 1, charged: 1 });
    });

    it('cancels by update, and tells the failure by its type and details', async () => {
      around().simulator.hold({ stage: 'queue' });
      const key = newKey();
      const ordering = start('order', key);
      await untilPhase(key, 'in_queue');
      expect(await tells('cancel', key, 'wrong scene')).toEqual([0, 'cancel cancelled']);
      const failed = `failed GenerationCancelled accepted ${jobs()[0]?.id ?? ''}`;
      expect(told(await ordering.ended)).toEqual([1, `key ${key}`, failed]);
      const asked = around().client.workflow.getHandle(key);
      expect(await untilAnswered(() => asked.query('state'))).toMatchObject({ cancel: { reason: 'wrong scene' } });
      expect(await tells('cancel', key)).toEqual([0, 'cancel too_late']);
      expect(totals()).toMatchObject({ accepted: 1, charged: 0 });
    });

    it('tells what became of a generation whose workflow was cancelled', async () => {
      around().simulator.hold({ stage: 'queue' });
      const key = newKey();
      const ordering = start('order', key);
      await untilPhase(key, 'in_queue');
      await around().client.workflow.getHandle(key).cancel();
      expect(told(await ordering.ended)).toEqual([1, `key ${key}`, 'cancelled cancelled']);
    });

    it('tells every problem of an input that was refused', async () => {
      const [code, , failed, ...issues] = await tells('order', newKey(), '');
      expect([code, failed]).toEqual([1, 'failed InvalidInput not_sent']);
      expect(issues).toEqual([expect.stringMatching(/^issue \$\.prompt ./)]);
      expect(totals().accepted).toBe(0);
    });

    it('decides about a submission whose outcome is unknown', async () => {
      around().simulator.setFaults([{ fault: 'accept-then-reset', step: 'submit' }]);
      const [adopted, abandoned] = [newKey(), newKey()];
      const adopting = start('order', adopted);
      await untilPhase(adopted, 'submission_unknown');
      const requestId = jobs()[0]?.id ?? '';
      expect(await tells('resolve', adopted, 'adopt')).toEqual([
        1,
        expect.stringMatching(/^refused InvalidInput adopt needs the request id/),
      ]);
      expect(await tells('resolve', adopted, 'adopt', requestId)).toEqual([0, expect.stringMatching(/^phase \w+$/)]);
      expect(told(await adopting.ended)).toContain(`succeeded ${requestId}`);

      const abandoning = start('order', abandoned);
      await untilPhase(abandoned, 'submission_unknown');
      const ended = [0, 'phase submission_unknown', 'failure SubmitOutcomeUnknown'];
      expect(await tells('resolve', abandoned, 'abandon')).toEqual(ended);
      expect(told(await abandoning.ended)).toEqual([1, `key ${abandoned}`, 'failed SubmitOutcomeUnknown unknown']);
    });

    it('leaves a cancel that no worker answers as a signal', async () => {
      expect(told(await left)).toEqual([0, 'cancel unknown, left for a worker']);
      expect(await signalsOf(unattended)).toEqual([['cancel', '{"reason":"wrong scene"}']]);
    });
  });
}

function newKey(): string {
  return `plain sdk: ${randomUUID()}`;
}

/** The exit code, and the lines that were printed. */
function told({ code, stdout, stderr }: Ended): [code: number | null, ...lines: string[]] {
  return [code, ...(stdout + stderr).trim().split(/ *\n/)];
}
