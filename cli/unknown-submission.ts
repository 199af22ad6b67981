import { GenerationError, type KnownState } from '../client/index.ts';
import type { SubmissionEvidence } from '../domain/generation.ts';
import { ownCommand } from './own-command.ts';

/** The error for a held generation whose submission is unknown: why, what RunComfy replied, and what to do. */
export function submissionUnknown(key: string, state: KnownState | undefined): GenerationError {
  const { evidence, model } = state ?? {};
  const why = evidence?.reason === undefined ? '' : ` (${evidence.reason})`;
  return new GenerationError({
    type: 'SubmitOutcomeUnknown',
    message: `it is unknown whether RunComfy accepted generation "${key}"${why}, so it is held. ${decisionWords(key, evidence)}`,
    key,
    model,
    phase: 'submission_unknown',
    submission: 'unknown',
    details: { ...(evidence && { evidence }) },
  });
}

/**
 * What a person can do about a held submission, as commands to copy. If RunComfy's reply named a request id, it is
 * filled in.
 */
export function decisionWords(key: string, evidence?: SubmissionEvidence): string {
  const decide = (...flags: string[]) => `\`${ownCommand('resolve', key, ...flags)}\``;
  const repliedRequestId = evidence?.repliedRequestId;
  const adopt =
    repliedRequestId === undefined
      ? `Look at RunComfy's dashboard, then ${decide('--adopt', 'REQUEST_ID')} if the request is there`
      : `What came back names a request: ${decide('--adopt', repliedRequestId)} goes on with it, once it is checked`;
  return `${adopt}, ${decide('--resubmit')} sends it again (possibly a second bill), ${decide('--abandon')} ends it.`;
}

/**
 * How to take over the request named in RunComfy's reply if the generation has ended, so that nothing is left to
 * resolve.
 */
export function takeOverWords(model: string | undefined, { repliedRequestId }: SubmissionEvidence): string | undefined {
  if (model === undefined || repliedRequestId === undefined) return undefined;
  const command = ownCommand('generate', model, '--request-id', repliedRequestId);
  return `what came back names a request: \`${command}\` takes it over and orders nothing`;
}
