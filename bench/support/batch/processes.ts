import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

/** Processor time of a process in seconds; 0 if the process is gone. */
export function cpuSecondsOf(pid: number): number {
  try {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** The most memory that a process has held so far, in megabytes; 0 if the process is gone. */
export function peakMegabytesOf(pid: number): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** The size of one run of an execution. */
export interface RunFigures {
  events: number;
  bytes: number;
}

/** Every run of a key, newest first. Earlier runs are found through the run that continued them. */
export async function runsOf(client: Client, workflowId: string): Promise<RunFigures[]> {
  const found: RunFigures[] = [];
  let runId: string | undefined;
  do {
    const handle = client.workflow.getHandle(workflowId, runId);
    const { raw, runId: itsId } = await handle.describe();
    const first = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId, runId: itsId },
      maximumPageSize: 1,
    });
    const info = raw.workflowExecutionInfo;
    found.push({ events: Number(info?.historyLength ?? 0), bytes: Number(info?.historySizeBytes ?? 0) });
    const before = first.history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    runId = before === '' ? undefined : before;
  } while (runId !== undefined);
  return found;
}
