import { type GenerationError, type GenerationErrorType, isGenerationError } from '../../client/index.ts';
import { toClientError } from '../../client/operator/index.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { InputIssue, SubmissionEvidence } from '../../domain/generation.ts';
import { messageOf, wellFormed } from '../../domain/text.ts';
import { isRunComfyError } from '../../runcomfy/errors.ts';
import { TemporalUnreachableError } from '../../setup/temporal.ts';
import { CliError, type CliErrorType } from '../cli-error.ts';
import { ownCommand } from '../own-command.ts';
import { takeOverWords } from '../unknown-submission.ts';

/** A failure as the command line reports it. `Internal`: a defect of this program. */
export interface ErrorReport {
  type: GenerationErrorType | CliErrorType | 'Internal';
  message: string;
  requestId?: string | undefined;
  key?: string | undefined;
  /** The step of a pipeline that failed. */
  step?: string | undefined;
  issues?: InputIssue[] | undefined;
  /** The budget that has no room for the order. */
  budget?: string | undefined;
  /** What is known of an order of which nobody knows whether RunComfy accepted it. */
  evidence?: SubmissionEvidence | undefined;
}

/** The generation that a command follows, from before its order on: no failure of the command may lose it. */
export interface Followed {
  key: string;
  requestId?: string | undefined;
  /** The command that goes on from here. */
  command: string;
}

/** Names any error by type; one of a command that follows a generation names key, request and the command that goes on. */
export function toErrorReport(error: unknown, followed?: Followed): ErrorReport {
  const report = mended(nameError(error));
  if (followed === undefined) return report;
  const requestId = report.requestId ?? followed.requestId;
  const { message } = report;
  const missing = [
    message.includes(followed.key) ? undefined : `key ${followed.key}`,
    requestId === undefined || message.includes(requestId) ? undefined : `request ${requestId}`,
    message.includes('`runcomfy-temporal ') ? undefined : `\`${followed.command}\` goes on`,
  ].filter((part) => part !== undefined);
  return { ...report, requestId, key: report.key ?? followed.key, message: [message, ...missing].join('; ') };
}

/** Parsers name single UTF-16 units, and JSON with half a character breaks whoever reads it. */
function mended(report: ErrorReport): ErrorReport {
  const text = JSON.stringify(report, (_name, value: unknown) =>
    typeof value === 'string' ? wellFormed(value) : value,
  );
  return JSON.parse(text) as ErrorReport;
}

function nameError(thrown: unknown): ErrorReport {
  // Errors of our own have a name already, whatever lies beneath them: text that is no JSON, for instance.
  if (thrown instanceof CliError) return { type: thrown.type, message: thrown.message, issues: thrown.issues };
  if (thrown instanceof ConfigError) return { type: 'Configuration', message: thrown.message };
  if (isRunComfyError(thrown)) return { type: thrown.type, message: thrown.message, issues: thrown.issues };
  if (thrown instanceof TemporalUnreachableError) return { type: thrown.type, message: thrown.message };
  const error = toClientError(thrown, '');
  if (isGenerationError(error)) {
    const { type, message, requestId, key, issues, details, pipeline } = error;
    return {
      type,
      message: `${message}${adviceOn(error)}`,
      requestId,
      key: key === '' ? undefined : key,
      step: pipeline?.step,
      issues,
      budget: details?.budget ?? pipeline?.failure?.budget,
      ...(details?.evidence && { evidence: details.evidence }),
    };
  }
  return { type: 'Internal', message: messageOf(error) };
}

/** What the person at the shell can do next, where that is not in the message already. */
function adviceOn({ type, key, requestId, details, model }: GenerationError): string {
  const { evidence } = details ?? {};
  if (evidence && details?.key !== undefined) {
    const takeOver = takeOverWords(model, evidence);
    return takeOver === undefined ? '' : `; ${takeOver}`;
  }
  if (key === undefined || key === '') return '';
  const isLate = type === 'GenerationTimedOut' || details?.cancel?.outcome === 'not_cancellable';
  if (!isLate || requestId === undefined) return '';
  return `; RunComfy may finish it all the same, then \`${ownCommand('result', key, '--late')}\` fetches it`;
}
