const maxNoticeLength = 1_000;
const more = '...';

/**
 * Notices as the value of a header. Characters that headers cannot carry are replaced: they would make the whole answer
 * fail, and hide what was ordered.
 */
export function toNoticeHeader(notices: readonly string[]): string {
  const sentence = [...new Set(notices)]
    .join('; ')
    .replaceAll('…', more)
    .replaceAll(/[^\x20-\x7e]/g, '?');
  return sentence.length > maxNoticeLength ? `${sentence.slice(0, maxNoticeLength - more.length)}${more}` : sentence;
}
