import { CancellationScope, log, setHandler, workflowInfo } from '@temporalio/workflow';
import { messageOf } from '../../domain/text.ts';
import { checkCancel, readCancel } from '../cancel-message.ts';
import { checkDecision, takeDecision } from './approval.ts';
import { cancelPipeline } from './cancellation.ts';
import type { Pipeline } from './memory.ts';
import {
  decideSignal,
  decideUpdate,
  pipelineCancelSignal,
  pipelineCancelUpdate,
  pipelineStateQuery,
} from './messages.ts';
import { tellState, warn } from './visibility.ts';

/**
 * Registers the handlers. Anyone may send messages: payloads may be absent or junk, and no handler may throw for that.
 */
export function listen(pipeline: Pipeline): void {
  setHandler(pipelineStateQuery, () => tellState(pipeline));
  setHandler(pipelineCancelSignal, async (payload) => {
    await CancellationScope.nonCancellable(() => cancelPipeline(pipeline, readCancel(payload)));
  });
  setHandler(
    pipelineCancelUpdate,
    (payload) => CancellationScope.nonCancellable(() => cancelPipeline(pipeline, readCancel(payload))),
    { validator: checkCancel },
  );
  setHandler(decideSignal, (payload: unknown) => {
    try {
      takeDecision(pipeline, payload);
    } catch (error) {
      log.warn('a decision was ignored', { reason: messageOf(error) });
      tellOfReset(pipeline, messageOf(error));
    }
  });
  setHandler(
    decideUpdate,
    (payload) => {
      takeDecision(pipeline, payload);
      return { phase: pipeline.state.phase };
    },
    {
      validator: (payload: unknown) => {
        checkDecision(pipeline, payload);
      },
    },
  );
  CancellationScope.current().cancelRequested.catch(() => {
    pipeline.isWorkflowCancelled = true;
    void CancellationScope.nonCancellable(() => cancelPipeline(pipeline, { detach: true }));
  });
}

/**
 * Adds a warning to a run that was reset. Such a run gets the decisions of the earlier run at once, even before its
 * steps ask for them, and nobody hears that they are refused.
 */
function tellOfReset(pipeline: Pipeline, reason: string): void {
  const { runId, originalExecutionRunId } = workflowInfo();
  if (runId !== originalExecutionRunId) warn(pipeline, `a decision was ignored, and is to be taken anew: ${reason}`);
}
