import type { Activities } from '../domain/activities.ts';
import type { ActivityDeps } from './activity-deps.ts';
import { createCancelRequest } from './cancel-request.ts';
import { createCheckAdoption } from './check-adoption.ts';
import { createGatherEvidence } from './gather-evidence.ts';
import { createListSearchAttributes } from './list-search-attributes.ts';
import { createFetchResult } from './reading/fetch-result.ts';
import { createLateCost } from './reading/late-cost.ts';
import { createReadStatus } from './reading/read-status.ts';
import { reportPatiently } from './submitting/patient-reports.ts';
import { createRecallSubmit } from './submitting/recall-submit.ts';
import { createSubmitRequest } from './submitting/submit-request.ts';
import { takeOverAccepted } from './submitting/take-over-accepted.ts';

export type { ActivityDeps, KeptRequestId, SubmitBeforeReset } from './activity-deps.ts';
export { withPatientReports } from './submitting/patient-reports.ts';

/** The activities of a worker. No globals: everything they touch comes through `deps`. */
export function createActivities(deps: ActivityDeps): Activities {
  const readingDeps = { ...deps, lateCost: createLateCost(deps) };
  return {
    submitRequest: reportPatiently(takeOverAccepted(deps, createSubmitRequest(deps))),
    recallSubmit: createRecallSubmit(deps),
    readStatus: createReadStatus(readingDeps),
    fetchResult: createFetchResult(readingDeps),
    cancelRequest: createCancelRequest(readingDeps),
    checkAdoption: createCheckAdoption(deps),
    gatherEvidence: createGatherEvidence(deps),
    listSearchAttributes: createListSearchAttributes(deps),
  };
}
