import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../config/env.ts';
import { batchLimits } from '../../../domain/batch/batch.ts';
import { searchAttributes, submitTaskQueue } from '../../../domain/names.ts';
import { parseKeyRecords } from '../../../gateway/access/key-records.ts';
import { createInputValidator } from '../../../runcomfy/models/index.ts';
import { root } from '../../support/docs.ts';

interface Service {
  image?: string;
  build?: unknown;
  profiles?: string[];
  restart?: string;
  ports?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  networks?: string[];
  secrets?: string[];
}

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const text = await read('docker-compose.yml');
const { services, networks, secrets } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
};
const all = Object.entries(services);

const service = (name: string): Service => {
  const found = services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
};

/** A service's environment as it is where nothing is set outside. */
const environmentOf = (name: string) =>
  Object.fromEntries(
    Object.entries(service(name).environment ?? {}).map(([key, value]) => [
      key,
      value.replace(/^\$\{\w+:-(.*)\}$/, '$1').replace(/^\$\{\w+:\+.*\}$/, ''),
    ]),
  );

describe('docker-compose.yml', () => {
  it('pins every image to a release', () => {
    for (const [name, { image }] of all) expect(image, name).toMatch(/^[a-z/-]+:\d+\.\d+/);
    expect(service('temporal-namespace').image?.split(':')[1]).toBe(service('temporal').image?.split(':')[1]);
  });

  it('publishes ports on loopback alone, each once', () => {
    const ports = all.flatMap(([, { ports = [] }]) => ports);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
  });

  it('waits for what a service needs, and only for what can say that it is ready', () => {
    for (const [name, { depends_on = {} }] of all) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const isOneShot = service(needed).restart?.startsWith('on-failure') === true;
        expect(condition, `${name} needs ${needed}`).toBe(
          isOneShot ? 'service_completed_successfully' : 'service_healthy',
        );
        if (!isOneShot) expect(service(needed).healthcheck, needed).toBeTruthy();
      }
    }
    for (const name of ['worker', 'simulator-worker', 'gateway', 'simulator-gateway', 'temporal-ui']) {
      expect(service(name).depends_on, name).toHaveProperty('temporal-namespace');
    }
  });

  it('checks the health of every lasting service by something that is read', () => {
    const reads = /SELECT|\/api\/v1\/namespaces\/|\/readyz|\/__sim\/ledger/;
    for (const [name, { restart, healthcheck }] of all) {
      if (restart === 'unless-stopped') expect(healthcheck?.test.join(' '), name).toMatch(reads);
      else expect(restart, name).toBe('on-failure:5');
    }
  });

  it('needs no key for Temporal alone nor for the simulator', () => {
    for (const [name, { profiles, secrets: used = [] }] of all) {
      if (used.includes('runcomfy-api-token')) expect(profiles, name).toEqual(['live']);
    }
    const others = Object.entries(secrets).filter(([name]) => name !== 'runcomfy-api-token');
    for (const [name, { file }] of others) {
      const [, path = ''] = /^\$\{\w+:-\.\/(.+)\}$/.exec(file) ?? [];
      expect(existsSync(join(root, path)), `${name}: ${file}`).toBe(true);
    }
    const config = readConfig(environmentOf('simulator-worker'));
    expect(config).toMatchObject({ modelApiBase: 'http://simulator:7788/v1', token: { isSimulated: true } });
  });

  it('gives its workers an environment that they accept', () => {
    const { healthAddress, metricsAddress, taskQueue } = readConfig(environmentOf('worker'));
    expect({ healthAddress, metricsAddress, taskQueue }).toEqual({
      healthAddress: { host: '127.0.0.1', port: 8081 },
      metricsAddress: { host: '0.0.0.0', port: 9464 },
      taskQueue: 'runcomfy',
    });
  });

  it('gives its gateways an environment that they accept, and keys without which nobody is let in', async () => {
    for (const name of ['gateway', 'simulator-gateway']) {
      const { gateway, metricsAddress } = readConfig(environmentOf(name));
      expect(metricsAddress, name).toEqual({ host: '0.0.0.0', port: 9464 });
      expect(gateway, name).toMatchObject({
        address: { host: '0.0.0.0', port: 8090 },
        allowedHosts: ['127.0.0.1', 'localhost'],
        keysFile: '/run/secrets/runcomfy-gateway-keys',
        drainMs: 5_000,
      });
      expect(service(name).secrets, name).toContain('runcomfy-gateway-keys');
      expect(service(name).ports?.[0], name).toMatch(/:8090$/);
      expect(Number.parseInt(service(name).stop_grace_period ?? '', 10), name).toBeGreaterThan(30);
    }
    const [, file = ''] = /:-(.+)\}$/.exec(secrets['runcomfy-gateway-keys']?.file ?? '') ?? [];
    expect(parseKeyRecords(await read(file))).toEqual({ records: [] });
  });

  it('holds no token, and hands the user’s token over as a file', () => {
    const tokens = [...text.matchAll(/(?:TOKEN|API_KEY): *(\S+)/g)].map(([, value]) => value);
    expect(tokens).toEqual(['sim-compose']);
    for (const name of ['worker', 'gateway']) {
      expect(service(name).environment?.['RUNCOMFY_API_TOKEN_FILE']).toBe('/run/secrets/runcomfy-api-token');
    }
    expect(secrets['runcomfy-api-token']?.file).toBe('${RUNCOMFY_API_TOKEN_FILE:-./.secrets/runcomfy-api-token}');
  });

  it('gives every variable of the surroundings a default', () => {
    for (const [variable] of text.matchAll(/\$\{[^}]+\}/g)) expect(variable).toMatch(/:[-+]/);
  });

  it('keeps paid and simulated orders on queues of their own', () => {
    const queueOf = (name: string) => service(name).environment?.['RUNCOMFY_TASK_QUEUE'];
    for (const name of ['simulator-worker', 'simulator-gateway']) expect(queueOf(name)).toBe('runcomfy-simulator');
    for (const name of ['worker', 'gateway']) expect(queueOf(name)).toBe('${RUNCOMFY_TASK_QUEUE:-runcomfy}');
  });

  it('lets a worker finish what it has sent before it is ended', () => {
    for (const name of ['worker', 'simulator-worker']) {
      expect(Number.parseInt(service(name).stop_grace_period ?? '', 10)).toBeGreaterThan(95);
    }
  });

  it('keeps the database on a network of its own', () => {
    expect(networks['database']?.internal).toBe(true);
    expect(all.filter(([, { networks: used = [] }]) => used.includes('database')).map(([name]) => name)).toEqual([
      'postgresql',
      'temporal-schema',
      'temporal',
    ]);
  });
});

describe('deploy/temporal/dynamic-config.yaml', () => {
  it('has the orders of each worker in one partition, and lets those with a fairness key take turns', async () => {
    expect(service('temporal').environment?.['DYNAMIC_CONFIG_FILE_PATH']).toBe('/setup/dynamic-config.yaml');
    const settings = parse(await read('deploy/temporal/dynamic-config.yaml')) as Record<string, object[]>;
    for (const name of ['worker', 'simulator-worker']) {
      const taskQueueName = submitTaskQueue(readConfig(environmentOf(name)).taskQueue);
      for (const side of ['Read', 'Write'])
        expect(settings[`matching.numTaskqueue${side}Partitions`], name).toContainEqual({
          value: 1,
          constraints: { taskQueueName },
        });
    }
    expect(settings['matching.enableFairness']).toEqual([{ value: true }]);
  });

  it('lets ten batches of the widest window wait for their items at once, as the operations page says', async () => {
    const settings = parse(await read('deploy/temporal/dynamic-config.yaml')) as Record<string, { value: number }[]>;
    const value = settings['frontend.namespaceCount']?.[0]?.value ?? 0;
    expect(value).toBeGreaterThan(10 * batchLimits.window);
    const page = await read('docs/operations.md');
    expect(page.replaceAll('\n', ' ')).toContain(`\`frontend.namespaceCount\` of ${value.toLocaleString('en')}`);
  });
});

describe('deploy/temporal/setup-namespace.sh', () => {
  it('creates the search attributes that the workflow sets', async () => {
    const script = await read('deploy/temporal/setup-namespace.sh');
    const created = [...script.matchAll(/^(RunComfy\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]);
    expect(Object.fromEntries(created)).toEqual(searchAttributes);
  });

  it('lets an image that its simulator made become a clip, and no other address of a private network', async () => {
    const { command = [] } = services['simulator'] as { command?: string[] };
    const base = command.find((option) => option.startsWith('--public-base='))?.split('=')[1] ?? '';
    const { modelApiBase, mediaHost } = readConfig(environmentOf('simulator-worker'));
    const { validate } = createInputValidator({ modelApiBase, ...(mediaHost !== undefined && { mediaHost }) });
    const problemsWith = async (image: string) =>
      (
        await validate('kling/kling-3.0/standard/image-to-video', {
          start_image_url: image,
          prompt: 'waves',
          duration: 5,
        })
      ).issues;
    expect(await problemsWith(`${base}/files/a/out.png`)).toEqual([]);
    for (const other of ['http://127.0.0.1:8080/', 'http://simulator:7788/x.png', 'http://169.254.169.254/latest']) {
      expect(await problemsWith(other)).toHaveLength(1);
    }
  });

  it('keeps runs for 30 days', async () => {
    expect(service('temporal-namespace').environment?.['TEMPORAL_RETENTION']).toBe('30d');
    expect(await read('deploy/temporal/setup-namespace.sh')).toContain('TEMPORAL_RETENTION:-30d');
  });
});

describe('Dockerfile', () => {
  it('runs without root on pinned Debian images', async () => {
    const dockerfile = await read('Dockerfile');
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    for (const image of images) expect(image).toMatch(/^node:20\.\d+\.\d+-bookworm(-slim)?$/);
    expect(images.at(-1)).toContain('-slim');
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
  });
});

describe('.env.example', () => {
  it('names every variable that the configuration reads', async () => {
    const files = ['env', 'token', 'gateway', 'oidc', 'webhooks'].map((name) => `config/${name}.ts`);
    const [example, ...sources] = await Promise.all(['.env.example', ...files].map(read));
    const names = [...sources.join('').matchAll(/\b(?:RUNCOMFY|TEMPORAL)_[A-Z_]+\b/g)].map(([name]) => name);
    for (const name of new Set(names)) expect(example).toContain(name);
  });
});
