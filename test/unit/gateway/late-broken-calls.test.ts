import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve } from '../../support/gateway-in-process.ts';

/** All that comes back for bytes that are sent once something has come for the head of a call. */
async function answerTo(bytes: string, [call, ...lines]: [call: string, ...lines: string[]]): Promise<string> {
  const { hostname, port } = new URL(await serve(anonymousAccess));
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  const head = [`${call} HTTP/1.1`, `host: ${hostname}`, 'x-request-id: mine', ...lines];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

it.each<[target: string, word: string]>([
  ['/v1/models/kling/kling-3.0', '"error_code":400006'],
  ['/api/v1/generations', '"name":"MalformedRequest"'],
  ['/mcp', '"code":-32600'],
])(
  'answers a body that is no HTTP from its second packet on in the words of %s, by its own id',
  async (target, word) => {
    const lines = ['content-type: application/json', 'expect: 100-continue', 'transfer-encoding: chunked'];
    const answer = await answerTo('no length\r\n', [`POST ${target}`, ...lines]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(word);
    expect(answer).toMatch(/^x-request-id: mine\r$/im);
  },
);

it('answers what comes behind a whole call by the path that it names itself', async () => {
  const answer = await answerTo('GET /api/v1/generations HTTP/1.1\r\nx-a : b\r\n\r\n', ['GET /v1/nothing']);
  expect(answer).toContain('"name":"MalformedRequest"');
  expect(answer).not.toContain('mine');
});
