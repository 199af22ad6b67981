import { type AddressInfo, createServer } from 'node:net';
import { Runtime } from '@temporalio/worker';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../../config/config-error.ts';
import { createLogger } from '../../../setup/logger.ts';
import { installRuntime } from '../../../worker/runtime.ts';
import { freePort, until } from '../../support/processes.ts';

describe('the runtime of a worker', () => {
  it('logs no task token, and tells cheap from dear generations, few reads from many and quick notice from slow', async () => {
    const port = await freePort();
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => lines.push(line) });
    installRuntime({ metricsAddress: { host: '127.0.0.1', port }, logLevel: 'info' }, log);
    onTestFinished(() => Runtime.instance().shutdown());
    const { metricMeter } = Runtime.instance();
    metricMeter.createHistogram('runcomfy_generation_cost', 'float').record(0.04);
    metricMeter.createHistogram('runcomfy_generation_reads', 'int').record(8);
    metricMeter.createHistogram('runcomfy_noticed_after', 'int').record(30);

    // Of the queue of submits the SDK says so at each start.
    Runtime.instance().logger.warn('No workflows registered, not polling for workflow tasks', {
      taskQueue: 'q-submit',
    });
    Runtime.instance().logger.warn('a task failed', { workflowId: 'scene-7', taskToken: 'completes-it' });
    // Those of the native part may come before it.
    const said = await until('the line comes', () => lines.find((line) => line.includes('scene-7')));
    expect(said).toContain('a task failed');
    expect(said).not.toContain('completes-it');
    expect(lines.filter((line) => line.includes('No workflows registered'))).toEqual([]);

    const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    expect(bucketsWithout(text, 'runcomfy_generation_cost')).toContain('0.01');
    expect(bucketsWithout(text, 'runcomfy_generation_reads')).toContain('5');
    expect(bucketsWithout(text, 'runcomfy_noticed_after')).toContain('10');
    expect(text).toMatch(/runcomfy_generation_cost_bucket\{[^}]*le="0\.05"\} 1/);
  });

  it('says in one sentence whose address its metrics cannot have', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as AddressInfo;
    const install = (host: string) => () => {
      installRuntime({ metricsAddress: { host, port }, logLevel: 'info' }, createLogger('silent'));
    };
    expect(install('127.0.0.1')).toThrow(ConfigError);
    expect(install('127.0.0.1')).toThrow(
      /^RUNCOMFY_METRICS_ADDRESS: cannot listen on \S+ \(.*already in use.*\); give/,
    );
    expect(install('localhost')).toThrow(ConfigError);
  });
});

/** Upper bounds of the buckets that are below the one recorded value. */
function bucketsWithout(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)"\\} 0$`, 'gm'))].map(([, bound = '']) => bound);
}
