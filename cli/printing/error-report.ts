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

/** A failure as the command line reports it. `Internal`: a bug in this program. */
export interface ErrorReport {
  type: GenerationErrorType | CliErrorType | 'Internal';
  message: string;
  requestId?: string | undefined;
  key?: string | undefined;
  /** The pipeline step that failed. */
  step?: string | undefined;
  issues?: InputIssue[] | undefined;
  /** The budget without room for the order. */
  budget?: string | undefined;
  /** Evidence about an order that RunComfy may or may not have accepted. */
  evidence?: SubmissionEvidence | undefined;
}

/**
 * The generation that a command follows, set before it is ordered, so that every failure of the command can name it.
 */
export interface Followed {
  key: string;
  requestId?: string | undefined;
  /** The command that continues from here. */
  command: string;
}

/**
 * Turns any error into a report with a type. If the command follows a generation, adds its key, its request and the
 * command to continue with.
 */
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

/** Replaces lone surrogates, which parsers may quote in errors: JSON that contains them breaks its readers. */
function mended(report: ErrorReport): ErrorReport {
  const text = JSON.stringify(report, (_name, value: unknown) =>
    typeof value === 'string' ? wellFormed(value) : value,
  );
  return JSON.parse(text) as ErrorReport;
}

function nameError(thrown: unknown): ErrorReport {
  // Our own errors already have a type, whatever caused them, such as text that is not JSON.
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

/** What the person at the shell can do next, unless the message says so already. */
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
