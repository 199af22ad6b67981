import type { DescribedGeneration, GenerationEnding } from '../../client/operator/index.ts';
import { isBilledAllTheSame } from '../../domain/budget/settlement.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import type { GenerationState, Phase } from '../../domain/generation.ts';
import { cutText } from '../../domain/text.ts';

/** A generation in RunComfy's terms. */
export interface StateWords {
  /** Of `/status`. */
  status: 'in_queue' | 'in_progress' | 'completed' | 'cancelled';
  /** Of `/result`, which is final exactly when `/status` is. */
  result: 'in_queue' | 'in_progress' | 'succeeded' | 'failed' | 'cancelled';
  /** Why there is no output. */
  error?: string;
}

const maxErrorLength = 2_000;

/**
 * Status while a generation is open. With one of the last four phases it is closing, and its end is reported once it
 * can be read.
 */
const wordsWhileOpen: Record<Phase, 'in_queue' | 'in_progress'> = {
  submitting: 'in_queue',
  submission_unknown: 'in_queue',
  in_queue: 'in_queue',
  in_progress: 'in_progress',
  fetching_result: 'in_progress',
  succeeded: 'in_progress',
  failed: 'in_progress',
  cancelled: 'in_progress',
  timed_out: 'in_progress',
};

const outcomeLost =
  "SubmitOutcomeUnknown: RunComfy's answer to the submit was lost; the order may have been accepted and billed. Look at the account's Generations page before ordering again.";

/** A generation in RunComfy's terms; `cancelled` is used only if nothing is billed. */
export function wordsOf({ phase, ending }: DescribedGeneration): StateWords {
  if (ending === undefined) return { status: wordsWhileOpen[phase], result: wordsWhileOpen[phase] };
  if ('result' in ending) return { status: 'completed', result: 'succeeded' };
  const { state } = ending;
  if (state.phase === 'cancelled' && isForFree(ending)) return { status: 'cancelled', result: 'cancelled' };
  return { status: 'completed', result: 'failed', error: within(errorOf(ending), maxErrorLength) };
}

/** Cuts a text to a length, including the `…` that marks the cut. */
function within(text: string, maxLength: number): string {
  return cutText(text, text.length > maxLength ? maxLength - 1 : maxLength);
}

type EndingWithout = Extract<GenerationEnding, { state: unknown }>;

function isForFree(ending: EndingWithout): boolean {
  const { cancel, submission } = ending.state;
  if (isBilledAllTheSame(ending.state)) return false;
  return isStopped(ending) || cancel?.outcome === 'not_submitted' || isUnbilled(submission);
}

/**
 * Whether RunComfy stopped it, on our request or somebody else's. For the latter, only the workflow's own report is
 * proof.
 */
function isStopped({ state, isTerminated }: EndingWithout): boolean {
  const { cancel, phase, submission, failure } = state;
  if (cancel !== undefined) return cancel.outcome === 'cancelled';
  return phase === 'cancelled' && submission === 'accepted' && failure?.type === 'GenerationCancelled' && !isTerminated;
}

function errorOf(ending: EndingWithout): string {
  const { state, isTerminated } = ending;
  const { failure, requestId } = state;
  if (isTerminated) return `terminated in Temporal; RunComfy was not told${mayCost(state)}`;
  if (state.phase === 'cancelled' && isStopped(ending)) {
    return `cancelled; RunComfy may bill it, or an earlier submit of it, all the same${named(requestId)}`;
  }
  if (state.phase === 'cancelled') return `detached: RunComfy's work${named(requestId)} may run on and be billed`;
  const type: FailureType = failure?.type ?? 'GenerationFailed';
  const { vendorMessage } = failure?.details ?? {};
  const sentence = failure && sentenceOf(failure.message);
  if (type === 'SubmitOutcomeUnknown') return outcomeLost;
  if (type === 'GenerationFailed') return vendorMessage ?? plain(sentence ?? 'the generation failed');
  if (state.phase === 'timed_out') {
    const over = `${type}: the generation was given up at its deadline`;
    if (isForFree(ending)) return `${over}; nothing was billed.`;
    return `${over}; RunComfy may finish it${named(requestId)}.`;
  }
  const reason = plain(vendorMessage ?? sentence ?? 'no reason is known').replace(/[.;\s]+$/, '');
  return `${type}: ${reason}${mayCost(state)}.`;
}

function mayCost({ submission, requestId }: GenerationState): string {
  return isUnbilled(submission) ? '; nothing was billed' : `; RunComfy may bill it${named(requestId)}`;
}

/** RunComfy's own request id, which a header of the reply has anyway. */
function named(requestId: string | undefined): string {
  return requestId === undefined || plain(requestId) !== requestId ? '' : ` (request ${requestId})`;
}

/** The message of a failure without its subject, which the reply names itself. */
export function sentenceOf(message: string): string {
  return message.replace(/ \(model (?!.* \(model ).*\)$/s, '');
}

/** Words from which RunComfy's command line derives its exit code; scripts order again on some of these codes. */
const misread: [pattern: RegExp, instead: string][] = [
  [/timed out/gi, 'took too long'],
  [/timeout/gi, 'time limit'],
  [/unauthori[sz]ed/gi, 'not authorised'],
  [/not signed in/gi, 'without a login'],
  [/invalid input/gi, 'input that is not valid'],
  [/invalid json/gi, 'broken JSON'],
];

const word = /[^\s"'`()[\]{},;]+/g;
/** The command line looks for these anywhere in the text, even within ids. */
const statuses = /401|429/;

/** A sentence without the words that RunComfy's command line misreads; `key` is left unchanged. */
export function plain(sentence: string, key = ''): string {
  const replaced = (words: string) =>
    misread
      .reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), words)
      .replaceAll(word, (one) => (statuses.test(one) ? '4xx' : one));
  return replaced(key) === key ? replaced(sentence) : sentence.split(key).map(replaced).join(key);
}
