import type { BatchActivities } from '../../domain/batch/batch-activities.ts';
import type { BatchDeps } from './batch-deps.ts';
import { createCancelItems } from './cancel-items.ts';
import { createCloseItems } from './close-items.ts';
import { createRunWindow } from './run-window.ts';
import { createStoreItems } from './store-items.ts';

/** The activities of batches. No globals: everything they touch comes through `deps`. */
export function createBatchActivities(deps: BatchDeps): BatchActivities {
  return {
    runWindow: createRunWindow(deps),
    storeItems: createStoreItems(deps),
    cancelItems: createCancelItems(deps),
    closeItems: createCloseItems(deps),
  };
}
