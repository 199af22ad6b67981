import type { WorkflowStartOptions } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';

/** A codec that fails once for each armed predicate, on the first payloads whose text matches it. */
export function failingCodec(): { codec: PayloadCodec; arm: (isReport: (text: string) => boolean) => void } {
  const armed: ((text: string) => boolean)[] = [];
  return {
    arm: (isReport) => {
      armed.push(isReport);
    },
    codec: {
      encode(payloads) {
        const text = payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join();
        const met = armed.findIndex((isReport) => isReport(text));
        if (met < 0) return Promise.resolve(payloads);
        armed.splice(met, 1);
        return Promise.reject(new Error('the report cannot be encoded'));
      },
      decode: (payloads) => Promise.resolve(payloads),
    },
  };
}

/** Options of a run that times out while its submit is in flight, and is retried once. */
export const retriedRun: Pick<WorkflowStartOptions, 'workflowRunTimeout' | 'retry'> = {
  workflowRunTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumAttempts: 2 },
};

/** Added to an input to make its problems and warnings too long for a payload. */
export const hugeField = { ['k'.repeat(1024 * 1024)]: 'image' };
