import { createSocket } from 'node:dgram';
import dns, { type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, it, vi } from 'vitest';
import { createDeliverWebhook } from '../../activities/webhooks/deliver-webhook.ts';
import { createGuardedAgent, createOpenAgent } from '../../activities/webhooks/guarded-agent.ts';
import { createNameLookUp } from '../../activities/webhooks/look-up-name.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

const [typeA, typeAaaa] = [1, 28];
const answers: Record<string, Partial<Record<number, Buffer>>> = {
  'both.example': { [typeA]: Buffer.from([10, 0, 0, 1]), [typeAaaa]: Buffer.alloc(16, 1) },
  // The other question is never answered.
  'half.example': { [typeA]: Buffer.from([10, 0, 0, 2]) },
};

/** A name server that knows some names, says of `none.example` that there is none, and keeps silent about all others. */
async function nameServer() {
  const asked: string[] = [];
  const socket = createSocket('udp4', (query, { address, port }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join('.').toLowerCase();
    asked.push(name);
    const [type, questionEnd] = [query.readUInt16BE(at + 1), at + 5];
    const data = answers[name]?.[type];
    if (data === undefined && name !== 'none.example') return;
    const reply = Buffer.from(query.subarray(0, questionEnd));
    reply.writeUInt16BE(data ? 0x81_80 : 0x81_83, 2);
    reply.writeUInt16BE(data ? 1 : 0, 6);
    // No record beyond the answers.
    reply.writeUInt32BE(0, 8);
    const record = data ? [Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, data.length]), data] : [];
    socket.send(Buffer.concat([reply, ...record]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  undo.push(() => {
    socket.close();
  });
  return { asked, servers: [`127.0.0.1:${String(socket.address().port)}`] };
}

async function lookUp(
  servers: readonly string[],
  name: string,
  hasIpv6 = () => true,
): Promise<[code: string | undefined, addresses: LookupAddress[]]> {
  const look = createNameLookUp({ servers, hasIpv6 });
  return new Promise((resolve) => {
    look(name, { all: true }, (error, addresses) => {
      resolve([error?.code, addresses]);
    });
  });
}

it('gives addresses of both kinds, or says why there are none', async () => {
  const { servers } = await nameServer();
  const four = { address: '10.0.0.1', family: 4 };
  const six = { address: '101:101:101:101:101:101:101:101', family: 6 };
  expect(await lookUp(servers, 'both.example')).toEqual([undefined, [four, six]]);
  expect(await lookUp(servers, 'none.example')).toEqual(['ENOTFOUND', []]);
  expect(await lookUp(servers, 'both.example', () => false)).toEqual([undefined, [four]]);
});

it('waits no longer than a connection may take, and gives what is known by then', async () => {
  const { asked, servers } = await nameServer();
  const since = performance.now();
  const [half, silent] = await Promise.all([lookUp(servers, 'half.example'), lookUp(servers, 'silent.example')]);
  expect(performance.now() - since).toBeLessThan(5_000);
  const noAnswer: unknown = expect.stringMatching(/^E(TIMEOUT|CANCELLED)$/);
  expect(half).toEqual([noAnswer, [{ address: '10.0.0.2', family: 4 }]]);
  expect(silent).toEqual([noAnswer, []]);
  // A question or an answer may be lost.
  expect(asked.filter((name) => name === 'silent.example').length).toBeGreaterThan(2);
});

it('deliveries to names whose servers keep silent leave alone the look-ups of all else', async () => {
  const { asked, servers } = await nameServer();
  const outstanding = vi.spyOn(dns, 'lookup').mockReturnValue(undefined);
  syncBuiltinESMExports();
  undo.push(() => {
    outstanding.mockRestore();
    syncBuiltinESMExports();
  });
  const agents = { guarded: createGuardedAgent(createNameLookUp({ servers })), open: createOpenAgent() };
  const secretsOf = () => Promise.resolve([`whsec_${Buffer.alloc(24, 1).toString('base64')}`]);
  const deliver = createDeliverWebhook({ secretsOf, allowedHosts: [], userAgent: 'runcomfy-temporal/test' }, agents);
  const data = { key: 'k', runId: 'r', model: 'a/b', phase: 'succeeded', submission: 'accepted' } as const;
  const body = { type: 'generation.succeeded', timestamp: '2026-11-26T05:00:00.000Z', data } as const;
  const names = Array.from({ length: 20 }, (_, at) => `silent-${String(at)}.example`);
  const told = await Promise.all(
    names.map((name) => deliver({ webhookId: 'evt', url: `https://${name}/`, secret: 'acme', body })),
  );
  expect(outstanding.mock.calls).toEqual([]);
  expect(new Set(asked)).toEqual(new Set(names));
  for (const { verdict, error } of told) {
    expect(verdict).toBe('failed');
    expect(error).toMatch(/^no answer \(E(TIMEOUT|CANCELLED)\)$/);
  }
});
