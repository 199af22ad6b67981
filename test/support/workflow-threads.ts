import { Worker } from '@temporalio/worker';
import { ThreadedVMWorkflowCreator } from '@temporalio/worker/lib/workflow/threaded-vm.js';

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
    options: { isolateExecutionTimeoutMs: number; activities: Map<string, unknown> },
    logger: unknown,
  ) => Promise<Creator>;
}

/** As many as a process keeps for later: each holds some 40 MB. */
const maxIdle = 16;

const idle: { isFor: string; creator: ThreadedVMWorkflowCreator }[] = [];
/** What was read of a file, which no test changes. */
const bundles = new Map<string, Promise<unknown>>();
let isLending = false;

/**
 * Lends the threads in which workflows run from one worker to the next: most tests have a worker of their own, and a new
 * thread takes 0.3 s of computing before its first task. No two workers have one at a time.
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
  sdk.createWorkflowCreator = async (bundle, options, logger) => {
    const { isolateExecutionTimeoutMs, activities } = options;
    const isFor = JSON.stringify([bundle.code.length, isolateExecutionTimeoutMs, [...activities.keys()]]);
    const at = idle.findIndex((each) => each.isFor === isFor);
    const [lent] = at === -1 ? [] : idle.splice(at, 1);
    const creator = lent?.creator ?? (await create(bundle, options, logger));
    // A replay has none.
    return creator instanceof ThreadedVMWorkflowCreator ? returned(creator, isFor) : creator;
  };
}

/** The same, but that its end gives the thread back where nothing is left in it. */
function returned(creator: ThreadedVMWorkflowCreator, isFor: string): Creator {
  return {
    createWorkflow: (options) => creator.createWorkflow(options),
    async destroy() {
      const { workerThreadClients } = creator as unknown as Threads;
      const isEmpty = workerThreadClients.every(
        (thread) => thread.getActiveWorkflowCount() === 0 && !thread.workerExited,
      );
      if (isEmpty && idle.length < maxIdle) idle.push({ isFor, creator });
      else await creator.destroy();
    },
  };
}
