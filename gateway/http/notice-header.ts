import { cutText } from '../../domain/text.ts';

const maxNoticeLength = 1_000;

/** Notices as the value of a header. */
export function toNoticeHeader(notices: readonly string[]): string {
  const sentence = [...new Set(notices)].join('; ');
  return cutText(sentence.replaceAll(/[^\x20-\x7e]/g, '?'), maxNoticeLength);
}
