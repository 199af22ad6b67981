import { Worker } from '@temporalio/worker';
import type { ThreadedVMWorkflowCreator } from '@temporalio/worker/lib/workflow/threaded-vm.js';

/** What the SDK makes of a bundle for one worker. */
interface Creator {
  createWorkflow: ThreadedVMWorkflowCreator['createWorkflow'];
  destroy: () => Promise<void>;
}

/** What is no part of the SDK's interface. */
interface Threads {
  workerThreadClients: { getActiveWorkflowCount: () => number; workerExited: boolean }[];
}
interface CreatesCreators {
  getOrCreateBundle: (options: { workflowBundle?: { codePath?: string } }, logger: unknown) => Promise<unknown>;
  createWorkflowCreator: (
    bundle: { code: string },
    options: { isolateExecutionTimeoutMs: number | undefined; activities: Map<string, unknown>; debugMode?: boolean },
    logger: unknown,
  ) => Promise<Creator>;
}

/** As many workers have their workflows in one thread: on a machine of few cores a thread of its own makes none faster. */
const maxWorkers = 8;
/** As many as a process keeps for later: each holds some 40 MB. */
const maxIdle = 4;

interface Thread {
  isFor: string;
  creating: Promise<Creator>;
  creator?: Creator & Threads;
  workers: number;
}

const threads: Thread[] = [];
/** What was read of a file, which no test changes. */
const bundles = new Map<string, Promise<unknown>>();
let isLending = false;

/**
 * Lends the threads in which workflows run to several workers, and to later ones: most tests have a worker of their own, and
 * a new thread takes 0.3 s of computing before its first task. Nor has a task there a bound of its own: Node starts a thread
 * to watch over each call that has one, and a test has its own patience.
 */
export function lendWorkflowThreads(): void {
  if (isLending) return;
  isLending = true;
  const sdk = Worker as unknown as CreatesCreators;
  const create = sdk.createWorkflowCreator.bind(sdk);
  const read = sdk.getOrCreateBundle.bind(sdk);
  sdk.getOrCreateBundle = (options, logger) => {
    const path = options.workflowBundle?.codePath;
    if (path === undefined) return read(options, logger);
    const bundle = bundles.get(path) ?? read(options, logger);
    bundles.set(path, bundle);
    return bundle;
  };
  sdk.createWorkflowCreator = async (bundle, given, logger) => {
    const options = { ...given, isolateExecutionTimeoutMs: undefined };
    const isFor = JSON.stringify([bundle.code.length, [...options.activities.keys()]]);
    // A replay has none.
    if (options.debugMode) return create(bundle, options, logger);
    const found = threads.find((each) => each.isFor === isFor && each.workers < maxWorkers && isAlive(each));
    if (found) return await lent(found);
    const thread = { isFor, workers: 0, creating: create(bundle, options, logger) };
    threads.push(thread);
    // One that cannot be made is lent to nobody again.
    thread.creating.catch(() => threads.splice(threads.indexOf(thread), 1));
    return await lent(thread);
  };
}

/** The same, but that the thread goes on where others have it, or may have it soon. */
async function lent(thread: Thread): Promise<Creator> {
  thread.workers += 1;
  const creator = await thread.creating;
  thread.creator = creator as Creator & Threads;
  return {
    createWorkflow: (options) => creator.createWorkflow(options),
    async destroy() {
      thread.workers -= 1;
      if (thread.workers > 0) return;
      const idle = threads.filter(({ workers }) => workers === 0);
      if (isAlive(thread) && workflowsIn(thread) === 0 && idle.length <= maxIdle) return;
      threads.splice(threads.indexOf(thread), 1);
      await creator.destroy();
    },
  };
}

function isAlive({ creator }: Thread): boolean {
  return creator?.workerThreadClients.every(({ workerExited }) => !workerExited) ?? true;
}

function workflowsIn({ creator }: Thread): number {
  return creator?.workerThreadClients.reduce((sum, client) => sum + client.getActiveWorkflowCount(), 0) ?? 0;
}
