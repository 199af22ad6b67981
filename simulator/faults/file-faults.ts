import type { Reply } from '../http/reply.ts';
import { type Fault, reply } from './fault.ts';

const twoGiB = 2 ** 31;

function fileStatus(name: string, status: number, words: string): Fault {
  return {
    name,
    group: 9,
    steps: ['file'],
    sentence: `${String(status)} instead of the file.`,
    act: () => reply({ status, headers: { 'content-type': 'text/plain' }, raw: words }),
  };
}

function fileChanged(name: string, sentence: string, change: (honest: Reply) => Reply): Fault {
  return {
    name,
    group: 9,
    steps: ['file'],
    sentence,
    act: ({ proceed }) => ({ how: 'cut', reply: change(proceed()) }),
  };
}

/** Faults of downloads. */
export const fileFaults: readonly Fault[] = [
  fileStatus('file-403', 403, 'AccessDenied'),
  fileStatus('file-404', 404, 'NoSuchKey'),
  fileStatus('file-410', 410, 'Gone'),
  fileChanged('file-truncated', 'The file ends in the middle.', (honest) => honest),
  fileChanged('file-huge', '`Content-Length` says more than 2 GiB.', (honest) => ({
    ...honest,
    headers: { ...honest.headers, 'content-length': String(twoGiB + 1) },
  })),
  {
    name: 'file-wrong-type',
    group: 9,
    steps: ['file'],
    sentence: 'An HTML page under a success status instead of the file.',
    act: () =>
      reply({ status: 200, headers: { 'content-type': 'text/html' }, raw: '<html><body>Sign in</body></html>' }),
  },
];
