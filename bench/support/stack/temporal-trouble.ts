import type { WorkflowStartOptions } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';

/** A codec that fails once for each armed mark, on the first payload that holds one of its ids. */
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

/** A run that times out while its submit is under way, and is retried once. */
export const retriedRun: Pick<WorkflowStartOptions, 'workflowRunTimeout' | 'retry'> = {
  workflowRunTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumAttempts: 2 },
};

/** What an input gains whose problems and warnings no payload has room for. */
export const hugeField = { ['k'.repeat(1024 * 1024)]: 'image' };
