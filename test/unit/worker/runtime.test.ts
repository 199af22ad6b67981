import { type AddressInfo, createServer } from 'node:net';
import { Runtime } from '@temporalio/worker';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { installRuntime } from '../../../worker/runtime.ts';

describe('the metrics of a worker', () => {
  it('tell cheap from dear generations, few reads from many and quick notice from slow', async () => {
    const port = await freePort();
    installRuntime({ metricsAddress: { host: '127.0.0.1', port }, logLevel: 'silent' }, pino({ level: 'silent' }));
    onTestFinished(() => Runtime.instance().shutdown());
    const { metricMeter } = Runtime.instance();
    metricMeter.createHistogram('runcomfy_generation_cost', 'float').record(0.04);
    metricMeter.createHistogram('runcomfy_generation_reads', 'int').record(8);
    metricMeter.createHistogram('runcomfy_noticed_after', 'int').record(30);

    const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    expect(bucketsWithout(text, 'runcomfy_generation_cost')).toContain('0.01');
    expect(bucketsWithout(text, 'runcomfy_generation_reads')).toContain('5');
    expect(bucketsWithout(text, 'runcomfy_noticed_after')).toContain('10');
    expect(text).toMatch(/runcomfy_generation_cost_bucket\{[^}]*le="0\.05"\} 1/);
  });
});

/** Upper bounds of the buckets that are below the one recorded value. */
function bucketsWithout(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)"\\} 0$`, 'gm'))].map(([, bound = '']) => bound);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
