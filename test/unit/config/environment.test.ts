import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readCodecKeys } from '../../../config/codec-keys.ts';
import { readConfig, stateDirOf, tokenSource } from '../../../config/env.ts';
import { loadTemporalConnection } from '../../../config/temporal.ts';

const secret = 's3cr3t-value';

/** How files, shells and secret stores pass a value on. */
const arrivals: [how: string, around: (value: string) => string][] = [
  ['a line break', (value) => `${value}\n`],
  ['a carriage return', (value) => `${value}\r`],
  ['both', (value) => `${value}\r\n`],
  ['a byte order mark', (value) => `\uFEFF${value}`],
  ['blanks', (value) => `  ${value}\t `],
];
const quotes: [how: string, around: (value: string) => string][] = [
  ['quotes', (value) => `"${value}"`],
  ['apostrophes', (value) => `'${value}'`],
  ['half of them', (value) => `"${value}`],
  ['quotes and a line break', (value) => `"${value}"\n`],
  ['typographic quotes', (value) => `“${value}”`],
];

async function fileWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'environment-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'file'), text);
  return join(folder, 'file');
}

function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return String(error);
  }
  return '';
}

describe('values as they really arrive', () => {
  it.each(arrivals)('lose %s, each variable alike', async (_how, around) => {
    const values = {
      RUNCOMFY_API_TOKEN: 'sim-me',
      RUNCOMFY_MODEL_API_BASE: 'https://other.example/v1',
      RUNCOMFY_TASK_QUEUE: 'media',
      RUNCOMFY_READS_PER_SECOND: '20',
      RUNCOMFY_STATE_DIR: '/var/lib/state',
      RUNCOMFY_HEALTH_ADDRESS: '127.0.0.1:8081',
      RUNCOMFY_LOG_LEVEL: 'debug',
      TEMPORAL_CLI_PATH: '/opt/temporal',
      CI: 'false',
    };
    const arrived = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, around(value)]));
    const { token: _token, ...config } = readConfig(arrived);
    const { token: _same, ...expected } = readConfig(values);
    expect(config).toEqual(expected);
    expect(await tokenSource(readConfig(arrived))()).toBe('sim-me');

    const temporal = {
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'media',
      TEMPORAL_API_KEY: secret,
      TEMPORAL_TLS: 'true',
      TEMPORAL_GRPC_META_X_TEAM: 'films',
    };
    const arrivedThere = Object.fromEntries(Object.entries(temporal).map(([name, value]) => [name, around(value)]));
    expect(loadTemporalConnection(arrivedThere)).toEqual(loadTemporalConnection(temporal));
  });

  it.each(arrivals)('lose %s in the files that variables name', async (_how, around) => {
    const token = await fileWith(around('from-file'));
    expect(await tokenSource(readConfig({ RUNCOMFY_API_TOKEN_FILE: around(token) }))()).toBe('from-file');
    const keys = { activeKeyId: 'k1', keys: { k1: Buffer.alloc(32).toString('base64') } };
    const file = await fileWith(around(JSON.stringify(keys)));
    expect(await readCodecKeys(readConfig({ RUNCOMFY_CODEC_KEYS_FILE: around(file) }))).toEqual(keys);
  });

  it.each(quotes)('are refused in %s, by name and without being shown', async (_how, around) => {
    for (const name of ['RUNCOMFY_API_TOKEN', 'RUNCOMFY_TASK_QUEUE', 'RUNCOMFY_STATE_DIR', 'RUNCOMFY_LOG_LEVEL']) {
      const message = messageOf(() => readConfig({ [name]: around(secret) }));
      expect(message).toContain(`${name}: the value has quotes around it`);
      expect(message).not.toContain(secret);
    }
    for (const name of ['TEMPORAL_API_KEY', 'TEMPORAL_NAMESPACE', 'TEMPORAL_ADDRESS', 'TEMPORAL_GRPC_META_X']) {
      const message = messageOf(() => loadTemporalConnection({ [name]: around(secret) }));
      expect(message).toContain(`${name}: the value has quotes around it`);
      expect(message).not.toContain(secret);
    }
    const file = await fileWith(around(secret));
    const reading = tokenSource(readConfig({ RUNCOMFY_API_TOKEN_FILE: file }))();
    const message = await reading.then(String, String);
    expect(message).toContain('quotes');
    expect(message).not.toContain(secret);
  });

  it('are refused where they have a line break in the middle', () => {
    const problem = /TEMPORAL_NAMESPACE: .*one line/;
    expect(() => loadTemporalConnection({ TEMPORAL_NAMESPACE: 'default\n# a comment' })).toThrow(problem);
    expect(() => readConfig({ RUNCOMFY_TASK_QUEUE: 'a\u0000b' })).toThrow(/RUNCOMFY_TASK_QUEUE: .*one line/);
  });

  it('switch TLS on in whatever case, and are refused where they are neither yes nor no', () => {
    expect(loadTemporalConnection({ TEMPORAL_TLS: 'TRUE' }).connectionOptions.tls).toBeTruthy();
    expect(() => loadTemporalConnection({ TEMPORAL_TLS: 'yes' })).toThrow(/TEMPORAL_TLS: expected true or false/);
  });
});

describe('secrets of a profile', () => {
  it.each([
    ['that is not closed', `api_key = "${secret}`],
    ['with a line break', `api_key = "${secret}\n"`],
    ['without quotes', `api_key = ${secret}`],
    ['with a character that no header takes', `api_key = "${secret}\\u00e9"`],
    ['with a line break by its escape', `api_key = "${secret}\\n${secret}"`],
    ['in a header', `grpc_meta = { authorization = "${secret}\\u0000" }`],
    ['of another type', `api_key = 5`],
  ])('are in no message: a key %s', async (_how, line) => {
    const TEMPORAL_CONFIG_FILE = await fileWith(`[profile.default]\n${line}\n`);
    const message = messageOf(() => loadTemporalConnection({ TEMPORAL_CONFIG_FILE }));
    expect(message).toMatch(/TEMPORAL_/);
    expect(message).not.toContain(secret);
  });

  it('lose what is around them', async () => {
    const TEMPORAL_CONFIG_FILE = await fileWith(`\uFEFF[profile.default]\r\napi_key = "${secret}\\n"\r\n`);
    expect(loadTemporalConnection({ TEMPORAL_CONFIG_FILE }).connectionOptions.apiKey).toBe(secret);
  });
});

describe('a user without a home folder', () => {
  it('is told which variable names a folder, once one is needed', () => {
    const { stateDir: _stateDir, ...config } = readConfig({});
    expect(() => stateDirOf(config)).toThrow(/RUNCOMFY_STATE_DIR/);
    expect(stateDirOf(readConfig({ RUNCOMFY_STATE_DIR: '/state' }))).toBe('/state');
  });
});
