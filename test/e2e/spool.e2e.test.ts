import { expect, it } from 'vitest';
import { openRequestSpool } from '../../worker/spool/request-spool.ts';
import { commandWith } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { createStack, orderNamed } from '../support/generation-stack.ts';
import { startWorkerProcess, temporaryFolder } from '../support/processes.ts';

it('doctor complains of request ids that no generation has, and not of those that were delivered', async () => {
  const { client, generations, settings } = await createStack();
  await startWorkerProcess(settings);
  const { key } = await generations.start(orderNamed('delivered'));
  const { requestId } = await generations.result(key);
  const { raw } = await client.workflow.getHandle(key).describe();
  const firstExecutionRunId = raw.workflowExecutionInfo?.firstRunId ?? '';
  const acceptedAt = new Date().toISOString();
  const finding = async (...entries: object[]) => {
    const folder = await temporaryFolder();
    const spool = openRequestSpool(folder);
    for (const entry of entries) {
      await spool.put({ workflowId: key, firstExecutionRunId, requestId, acceptedAt, ...entry });
    }
    const env = { RUNCOMFY_STATE_DIR: folder };
    const { stdout } = await commandWith({ ...settings, env }, ['doctor', '--output', 'json']);
    const { checks } = JSON.parse(stdout) as { checks: { check: string }[] };
    return checks.find(({ check }) => check === 'spool');
  };
  // A server that has much else to do may not answer within the seconds that doctor gives it.
  const expectFinding = (found: object, ...entries: object[]) =>
    eventually(async () => {
      expect(await finding(...entries)).toMatchObject(found);
    });
  await expectFinding({ status: 'ok' });
  await expectFinding({ status: 'ok' }, {});
  const lost = {
    status: 'failed',
    message: expect.stringMatching(/^not handed over yet: nobody-has-this /) as string,
    fix: expect.stringContaining('--request-id nobody-has-this') as string,
  };
  await expectFinding(lost, {}, { requestId: 'nobody-has-this' });
  const others = { status: 'warning', message: expect.stringContaining('theirs') as string };
  await expectFinding(others, { namespaceId: 'of another server', requestId: 'theirs' });
});
