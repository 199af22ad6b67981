import type { InputIssue } from '../../domain/generation.ts';
import { cutText } from '../../domain/text.ts';
import { type RefusalError, refusals } from '../http/refusal-error.ts';
import { plain } from './state-words.ts';

const maxMessageLength = 1_000;

/** A refusal in RunComfy's error format. */
export function errorReply({ refusal, message, issues, key, hints, beside }: RefusalError): object {
  return {
    ...beside,
    error_code: refusals[refusal].code,
    error_message: cutText(plain(messageOf(message, issues, hints), key), maxMessageLength),
    ...(issues.length > 0 && { detail: issues.map(toDetail) }),
  };
}

/** Clients show users the beginning of the message, so the first problem is in it. */
function messageOf(message: string, [first, ...more]: readonly InputIssue[], hints: string): string {
  if (first === undefined) return message;
  const others = more.length === 0 ? '' : `; and ${String(more.length)} more`;
  return `${first.path === '$' ? '' : `${first.path}: `}${first.message}${others}${hints}`;
}

function toDetail({ path, message }: InputIssue): object {
  return { loc: locationOf(path), msg: message, type: 'value_error' };
}

/** `$.multi_prompt[2].duration` → `['body', 'multi_prompt', 2, 'duration']`. */
function locationOf(path: string): (string | number)[] {
  const parts = [...path.matchAll(/\.([A-Za-z0-9_]+)|\[(\d+)\]|\["([^"]*)"\]/g)];
  return [
    'body',
    ...parts.map(([, name, index, quoted]) => (index === undefined ? (name ?? quoted ?? '') : Number(index))),
  ];
}
