import type { Command, Job, Moment, Sandbox, SandboxExecution } from '../../support/workflow-sandbox.ts';

/** One workflow task of a run, and what it asked for. */
export interface Task {
  jobs: Job[];
  at: Moment;
  commands: readonly Command[];
}

/** What a run did is what its history replays to; throws where it is not. */
export async function checkReplay(
  sandbox: Sandbox,
  execution: SandboxExecution,
  tasks: readonly Task[],
  flags: ReadonlySet<number>,
): Promise<void> {
  const replay = await sandbox.open({ ...execution, now: tasks[0]?.at.now ?? execution.now });
  for (const { jobs, at, commands } of tasks) {
    const patches = commands.flatMap(({ setPatchMarker }) => (setPatchMarker ? [setPatchMarker.patchId] : []));
    const known = patches.map((patchId): Job => ({ notifyHasPatch: { patchId: patchId ?? '' } }));
    const again = await replay.activate([...known, ...jobs], { ...at, isReplaying: true, flags });
    if (JSON.stringify(again) !== JSON.stringify(commands)) {
      throw new Error(`a run replays to other commands: ${namesOf(commands)}; instead: ${namesOf(again)}`);
    }
  }
  await replay.dispose();
}

function namesOf(commands: readonly Command[]): string {
  return commands.map((command) => Object.keys(command).join()).join(', ');
}

/** Of a duration that has crossed a thread: its 64-bit numbers are plain objects there. */
export function msOf(duration: NonNullable<Command['startTimer']>['startToFireTimeout']): number {
  const { low = 0, high = 0 } = (duration?.seconds ?? {}) as { low?: number; high?: number };
  return ((low >>> 0) + high * 2 ** 32) * 1000 + (duration?.nanos ?? 0) / 1e6;
}

/** Events that a workflow task leaves in the history: three of its own, one of what it hears of, one of what it asks for. */
export function eventsOf(jobs: readonly Job[], commands: readonly Command[]): number {
  // An activity's start is told with its end, and an update leaves two with its answer.
  const heard = jobs.reduce((sum, job) => sum + (job.resolveActivity ? 2 : job.doUpdate ? 0 : 1), 0);
  const asked = commands.filter(
    (command) => !command.updateResponse?.rejected && !command.scheduleLocalActivity,
  ).length;
  // The answer of a local activity is one event, and no task of its own.
  const isGoingOn = jobs.some(({ resolveActivity }) => resolveActivity?.isLocal);
  return isGoingOn ? 1 + asked : 3 + heard + asked;
}
