import { Worker } from '@temporalio/worker';
import type { ThreadedVMWorkflowCreator } from '@temporalio/worker/lib/workflow/threaded-vm.js';

/** What the SDK creates from a bundle for one worker. */
interface Creator {
  createWorkflow: ThreadedVMWorkflowCreator['createWorkflow'];
  destroy: () => Promise<void>;
}

/** Internals of the SDK that are not part of its interface. */
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

/** Most workers that share one thread. On a machine with few cores, a thread per worker is not faster. */
const maxWorkers = 8;
/** Most idle threads that a process keeps; each takes some 40 MB. */
const maxIdle = 4;

interface Thread {
  isFor: string;
  creating: Promise<Creator>;
  creator?: Creator & Threads;
  workers: number;
}

const threads: Thread[] = [];
/** Bundles by the path of their file, which no test changes. */
const bundles = new Map<string, Promise<unknown>>();
let isLending = false;

/**
 * Shares workflow threads between workers, and keeps them for later ones: most tests have a worker of their own, and a
 * new thread takes 0.3 s of CPU time before its first task. Also removes the time limit of tasks: Node starts a
 * watchdog thread for each call that has one, and tests have timeouts of their own.
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
    // A replay runs without threads.
    if (options.debugMode) return create(bundle, options, logger);
    const found = threads.find((each) => each.isFor === isFor && each.workers < maxWorkers && isAlive(each));
    if (found) return await lent(found);
    const thread = { isFor, workers: 0, creating: create(bundle, options, logger) };
    threads.push(thread);
    // A thread that could not be created is not lent again.
    thread.creating.catch(() => threads.splice(threads.indexOf(thread), 1));
    return await lent(thread);
  };
}

/** A creator that, when destroyed, leaves the thread running if others use it or may use it soon. */
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
