import { openRequestSpool } from '../../../../worker/spool/request-spool.ts';

/** Spools the request ids `<prefix>-0` to `<prefix>-<count - 1>` in a folder: a worker that shares it with others. */
const [stateDir = '', prefix = '', count = '0'] = process.argv.slice(2);
const spool = openRequestSpool(stateDir);
for (let number = 0; number < Number(count); number += 1) {
  await spool.put({
    workflowId: `generation-${prefix}`,
    firstExecutionRunId: 'first-run',
    requestId: `${prefix}-${String(number)}`,
    acceptedAt: new Date().toISOString(),
  });
}
