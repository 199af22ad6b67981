import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image: string;
  build?: unknown;
  pull_policy?: string;
  command?: string[];
  read_only?: boolean;
  tmpfs?: string[];
  volumes?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
}

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const [compose, example] = await Promise.all(['docker-compose.yml', '.env.example'].map(read));
const { services, secrets } = parse(compose ?? '', { merge: true }) as {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
};
const all = Object.entries(services);
const namesOf = (isSo: (service: Service) => boolean) => all.filter(([, each]) => isSo(each)).map(([name]) => name);

describe('the image', () => {
  it('is built once, by one service, for which all others wait that run it and that pull none of the name', () => {
    const built = namesOf(({ build }) => build !== undefined);
    expect(built).toEqual(['image']);
    const users = all.filter(([name, { image }]) => image === services['image']?.image && name !== 'image');
    expect(users.map(([name]) => name)).toEqual(
      expect.arrayContaining(['worker', 'gateway', 'simulator', 'simulator-worker', 'simulator-gateway']),
    );
    for (const [name, { pull_policy, depends_on }] of users) {
      expect(pull_policy, name).toBe('never');
      expect(depends_on?.['image'], name).toEqual({ condition: 'service_completed_successfully' });
    }
  });
});

describe('a container', () => {
  it.each(all)(
    '%s writes nowhere but to its volumes and what goes with it, and may do nothing as root',
    (_name, service) => {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.tmpfs).toContain('/tmp');
      // Files of the repository are read, and only volumes that Compose keeps are written.
      for (const volume of service.volumes ?? []) expect(volume).toMatch(/^(?:\.\/.+:ro|[a-z-]+:\/.+)$/);
      const folder = service.environment?.['RUNCOMFY_STATE_DIR'];
      if (folder !== undefined) expect(service.volumes?.some((volume) => volume.endsWith(`:${folder}`))).toBe(true);
    },
  );

  it.each(all)('%s gets secrets as files, none in its environment', async (_name, { environment = {}, ...service }) => {
    for (const [variable, value] of Object.entries(environment)) {
      if (/(?:PASSWORD|PWD|TOKEN|_KEYS?|SECRETS?)$/.test(variable)) expect(`${variable}=${value}`).toMatch(/=sim-/);
      for (const [, name = ''] of value.matchAll(/\/run\/secrets\/([a-z-]+)/g)) expect(service.secrets).toContain(name);
    }
    for (const name of service.secrets ?? []) expect(secrets[name]?.file).toMatch(/^\$\{\w+:-\.\/.+\}$/);
    // Nor in what is run in it.
    const scripts = [...JSON.stringify(service).matchAll(/\/setup\/([a-z-]+\.sh)/g)];
    for (const [, script = ''] of scripts) expect(await read(`deploy/temporal/${script}`)).not.toMatch(/PASSWORD=\w/);
  });
});

describe('a variable of .env.example', () => {
  it.each<[section: string, containers: string[], elsewhere: string[]]>([
    ['RunComfy', ['worker', 'gateway'], []],
    // Simulated orders have a queue of their own.
    ['Worker', ['worker'], []],
    ['Worker', ['simulator-worker'], ['RUNCOMFY_TASK_QUEUE']],
    ['Gateway', ['gateway', 'simulator-gateway'], []],
  ])('of its part %s reaches %j', (section, containers, elsewhere) => {
    const variables = handedOn(section).filter((name) => !elsewhere.includes(name));
    expect(variables.length).toBeGreaterThan(3);
    for (const container of containers) {
      const { environment = {}, secrets: used = [] } = services[container] ?? {};
      const files = used.map((name) => secrets[name]?.file);
      const given = JSON.stringify([environment, files]);
      const isGiven = (name: string) => name in environment && new RegExp(String.raw`\$\{${name}:`).test(given);
      expect(variables.filter((name) => !isGiven(name))).toEqual([]);
    }
  });

  it('reaches gateways too where a gateway does the same as a worker', () => {
    const webhooks = ['RUNCOMFY_WEBHOOK_SECRETS_FILE', 'RUNCOMFY_WEBHOOK_ALLOW_HOSTS'];
    const shared = ['RUNCOMFY_TASK_QUEUE', 'RUNCOMFY_CODEC_KEYS_FILE', ...webhooks];
    for (const variable of [...shared, 'RUNCOMFY_LOG_LEVEL', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']) {
      expect(services['gateway']?.environment?.[variable], variable).toBe(services['worker']?.environment?.[variable]);
    }
    const { environment = {} } = services['simulator-gateway'] ?? {};
    for (const [variable, value] of Object.entries(services['simulator-worker']?.environment ?? {})) {
      if (variable in environment) expect(environment[variable], variable).toBe(value);
    }
  });
});

/** The variables of a part of .env.example that are not marked "Not with Compose". */
function handedOn(section: string): string[] {
  const [, text = ''] = (example ?? '').split(new RegExp(`^# --- ${section} -+$`, 'm'));
  const found: string[] = [];
  let isMarked = false;
  let isProse = false;
  for (const line of (text.split(/^# ---/m)[0] ?? '').split('\n')) {
    const name = /^# ([A-Z_]+)=/.exec(line)?.[1];
    if (name === undefined && !isProse) isMarked = line.startsWith('# Not with Compose');
    if (name !== undefined && !isMarked) found.push(name);
    isProse = name === undefined;
  }
  return found;
}
