import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { pipelineMessageNames } from '../../domain/names.ts';
import type {
  ApprovalDecision,
  PipelineCancelMessage,
  PipelineCancelReply,
  PipelinePhase,
  PipelineState,
} from '../../domain/pipeline/pipeline-run.ts';

/** Asks for a cancel at any time; the payload may be absent. */
export const pipelineCancelSignal = defineSignal<[PipelineCancelMessage?]>(pipelineMessageNames.cancel);

/** Asks for a cancel and returns the outcome of each order; the payload may be absent. */
export const pipelineCancelUpdate = defineUpdate<PipelineCancelReply, [PipelineCancelMessage?]>(
  pipelineMessageNames.cancel,
);

/** Decides an approval. Accepted without a worker; ignored if there is nothing to decide. */
export const decideSignal = defineSignal<[ApprovalDecision]>(pipelineMessageNames.decide);

/** Decides an approval. Refused if there is nothing to decide, unless the same was decided before. */
export const decideUpdate = defineUpdate<{ phase: PipelinePhase }, [ApprovalDecision]>(pipelineMessageNames.decide);

/** Where a pipeline stands; answered for closed runs too. */
export const pipelineStateQuery = defineQuery<PipelineState>(pipelineMessageNames.state);
