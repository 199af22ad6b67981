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
  for (const when of ['early', 'late'] as const) await checkOtherwise(sandbox, execution, tasks, { flags, when });
}

/**
 * A replay hears of the end of a local activity right after the task that began it, or along with what is heard next: what
 * the run asks for is the same.
 */
async function checkOtherwise(
  sandbox: Sandbox,
  execution: SandboxExecution,
  tasks: readonly Task[],
  { flags, when }: { flags: ReadonlySet<number>; when: 'early' | 'late' },
): Promise<void> {
  const isEnd = ({ resolveActivity }: Job) => resolveActivity?.isLocal === true;
  const ends = new Map(
    tasks.flatMap(({ jobs, at }) =>
      jobs.flatMap((job) => (isEnd(job) ? [[job.resolveActivity?.seq ?? 0, { job, at }] as const] : [])),
    ),
  );
  if (ends.size === 0) return;
  const replay = await sandbox.open({ ...execution, now: tasks[0]?.at.now ?? execution.now });
  const asked: Command[] = [];
  const hear = async (jobs: Job[], at: Moment, commands: readonly Command[]) => {
    const patches = commands.flatMap(({ setPatchMarker }) => (setPatchMarker ? [setPatchMarker.patchId] : []));
    const known = patches.map((patchId): Job => ({ notifyHasPatch: { patchId: patchId ?? '' } }));
    asked.push(...(await replay.activate([...known, ...jobs], { ...at, isReplaying: true, flags })));
  };
  let left: Job[] = [];
  let now = 0;
  for (const { jobs, at, commands } of tasks) {
    const heard = jobs.filter((job) => !isEnd(job));
    if (heard.length > 0) {
      // The end of a local activity sets the clock.
      now = Math.max(now, at.now);
      await hear([...heard, ...left], { ...at, now }, commands);
      left = [];
    }
    for (const { scheduleLocalActivity: local } of commands) {
      const ended = local && ends.get(local.seq ?? 0);
      if (!ended) continue;
      if (when === 'late') left.push(ended.job);
      else await hear([ended.job], { ...at, now: (now = Math.max(now, ended.at.now)) }, []);
    }
  }
  await replay.dispose();
  const all = tasks.flatMap(({ commands }) => commands);
  if (JSON.stringify(asked.map(comparedOf)) !== JSON.stringify(all.map(comparedOf))) {
    throw new Error(
      `a run asks for something else where a local activity ends ${when}: ${namesOf(all)}; instead: ${namesOf(asked)}`,
    );
  }
}

/** What Temporal compares of a command with the history. */
function comparedOf(command: Command) {
  const { startTimer, scheduleActivity, scheduleLocalActivity, startChildWorkflowExecution: child } = command;
  const activity = scheduleActivity ?? scheduleLocalActivity;
  const seq = (startTimer ?? activity ?? child)?.seq;
  return [Object.keys(command).join(), seq, activity?.activityType, child?.workflowId];
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
