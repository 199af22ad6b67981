import { ApplicationFailure } from '@temporalio/workflow';
import type { BatchEndPhase } from '../../domain/batch/batch.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { cutText } from '../../domain/text.ts';
import { type Batch, totalOf } from './memory.ts';

const maxMessageChars = 4_000;

/** How a batch has ended, by its counts. */
export function endPhaseOf({ data, failure }: Batch): BatchEndPhase {
  if (failure) return 'failed';
  if (data.cancel) return 'cancelled';
  const { succeeded } = data.ended;
  if (succeeded === totalOf(data)) return 'succeeded';
  return succeeded > 0 ? 'partial' : 'failed';
}

/** The failure of a batch whose request cannot be understood: nothing was ordered. */
export function refuseRequest(batch: Batch): ApplicationFailure {
  const { issues, key } = batch;
  const sentence = `the request cannot be understood, nothing was ordered: ${issuesSentence(issues)} (batch ${key})`;
  const message = cutText(sentence, maxMessageChars);
  batch.failure = { type: 'InvalidInput', message };
  const details = [{ key, submission: 'not_sent', issues }];
  return ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true, details });
}
