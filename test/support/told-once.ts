import { isJsonObject, walkJson } from '../../domain/json.ts';
import type { History } from './generations.ts';

/** Shorter texts are single words, ids and times, which may repeat. */
const shortestText = 40;

type Failure = NonNullable<
  NonNullable<NonNullable<History['events']>[number]['workflowExecutionFailedEventAttributes']>['failure']
>;

/** Texts that a failure in a history contains three times or more, in its message, stack, details and causes. */
export function repeatedTexts(history: History): string[] {
  return (history.events ?? []).flatMap((event) => {
    const failure =
      event.activityTaskFailedEventAttributes?.failure ?? event.workflowExecutionFailedEventAttributes?.failure;
    return failure ? repeatedInFailure(failure) : [];
  });
}

/** Like `repeatedTexts`, for one failure. */
export function repeatedInFailure(failure: Failure): string[] {
  return repeatedIn(textsOf(failure));
}

function repeatedIn(texts: string[]): string[] {
  const isRepeated = (text: string) => texts.filter((other) => other.includes(text)).length >= 3;
  return texts.filter((text) => text.length >= shortestText && /\s/.test(text) && isRepeated(text));
}

function textsOf({ message, stackTrace, cause, applicationFailureInfo: info }: Failure): string[] {
  const details = (info?.details?.payloads ?? []).map(({ data }) => jsonOf(data));
  const told = details.flatMap((detail) => Array.from(walkJson(detail), ({ value }) => value));
  // The same problem may occur at many places of an input, so details count once.
  const texts = new Set(told.filter((value) => typeof value === 'string'));
  return [message ?? '', firstLineOf(stackTrace ?? ''), ...texts, ...(cause ? textsOf(cause) : [])];
}

/** The text before the stack frames. */
function firstLineOf(stack: string): string {
  return stack.split(/\n\s+at /)[0] ?? '';
}

function jsonOf(data: Uint8Array | null | undefined): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(data ?? []).toString('utf8'));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
