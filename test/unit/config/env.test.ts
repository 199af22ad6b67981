import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, tokenSource } from '../../../config/env.ts';

/** What `readConfig` lists as wrong. */
function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has a default for everything but the token', () => {
    expect(readConfig({})).toEqual({
      hasToken: false,
      modelApiBase: 'https://model-api.runcomfy.net/v1',
      serverlessApiBase: 'https://api.runcomfy.net/prod/v2',
      taskQueue: 'runcomfy',
      stateDir: join(homedir(), '.local', 'state', 'runcomfy-temporal'),
      logLevel: 'info',
      isCi: false,
      gateway: {
        address: { host: '127.0.0.1', port: 8090 },
        onUnknownSubmission: 'hold',
        submitGraceMs: 0,
        drainMs: 5_000,
      },
      webhooks: { allowedHosts: [] },
    });
  });

  it('takes every variable over', () => {
    const config = readConfig({
      RUNCOMFY_API_TOKEN: 'secret',
      RUNCOMFY_MODEL_API_BASE: 'https://other.example/v1/',
      RUNCOMFY_SERVERLESS_API_BASE: 'https://other.example/v2',
      RUNCOMFY_MEDIA_HOST: '127.0.0.1:7788',
      RUNCOMFY_WEBHOOK_SECRETS_FILE: '/run/webhooks.json',
      RUNCOMFY_WEBHOOK_ALLOW_HOSTS: 'receiver:8080',
      RUNCOMFY_TASK_QUEUE: 'media',
      RUNCOMFY_SUBMITS_PER_SECOND: '0.5',
      RUNCOMFY_READS_PER_SECOND: '20',
      RUNCOMFY_STATE_DIR: '/var/lib/state',
      RUNCOMFY_HEALTH_ADDRESS: '0.0.0.0:8081',
      RUNCOMFY_METRICS_ADDRESS: '[::1]:9464',
      RUNCOMFY_LOG_LEVEL: 'debug',
      TEMPORAL_CLI_PATH: '/opt/temporal',
      TEMPORAL_DEPLOYMENT_NAME: 'generations',
      TEMPORAL_WORKER_BUILD_ID: '1.2.3',
      RUNCOMFY_GATEWAY_ADDRESS: '0.0.0.0:9000',
      RUNCOMFY_GATEWAY_PUBLIC_URL: 'https://media.example.com/',
      RUNCOMFY_GATEWAY_ALLOWED_HOSTS: 'Media.internal., [::1]',
      RUNCOMFY_GATEWAY_KEYS_FILE: '/run/keys.json',
      RUNCOMFY_GATEWAY_ON_UNKNOWN: 'fail',
      RUNCOMFY_GATEWAY_DRAIN_MS: '0',
      RUNCOMFY_GATEWAY_KEYS: '[]',
      RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS: '30000',
      RUNCOMFY_GATEWAY_CORS_ORIGINS: 'https://page.example.com/, http://127.0.0.1:5173',
      RUNCOMFY_GATEWAY_TRUST_PROXY: '10.0.0.0/8, ::1',
      CI: 'true',
    });
    expect(config).toMatchObject({
      hasToken: true,
      modelApiBase: 'https://other.example/v1',
      serverlessApiBase: 'https://other.example/v2',
      mediaHost: '127.0.0.1:7788',
      taskQueue: 'media',
      submitsPerSecond: 0.5,
      readsPerSecond: 20,
      stateDir: '/var/lib/state',
      healthAddress: { host: '0.0.0.0', port: 8081 },
      metricsAddress: { host: '::1', port: 9464 },
      logLevel: 'debug',
      temporalCliPath: '/opt/temporal',
      workerVersion: { deploymentName: 'generations', buildId: '1.2.3' },
      isCi: true,
      gateway: {
        address: { host: '0.0.0.0', port: 9000 },
        publicUrl: 'https://media.example.com',
        allowedHosts: ['media.internal', '[::1]'],
        keysFile: '/run/keys.json',
        keys: '[]',
        corsOrigins: ['https://page.example.com', 'http://127.0.0.1:5173'],
        trustProxy: ['10.0.0.0/8', '::1'],
        submitGraceMs: 30_000,
        onUnknownSubmission: 'fail',
        drainMs: 0,
      },
      webhooks: { secretsFile: '/run/webhooks.json', allowedHosts: ['receiver:8080'] },
    });
  });

  it('takes an empty variable for an unset one', () => {
    expect(readConfig({ RUNCOMFY_API_TOKEN: '', RUNCOMFY_READS_PER_SECOND: ' ', CI: '' })).toEqual(readConfig({}));
  });

  it('refuses a host of simulated media beside RunComfy itself, which could not fetch from there', () => {
    const problems = problemsOf({ RUNCOMFY_MEDIA_HOST: '127.0.0.1:7788' });
    expect(problems).toEqual([expect.stringContaining('RUNCOMFY_MEDIA_HOST')]);
  });

  it('lists every problem in one error that names the variables and ends with code 78', () => {
    const env = {
      RUNCOMFY_MODEL_API_BASE: 'model-api',
      RUNCOMFY_MEDIA_HOST: 'http://127.0.0.1:7788',
      RUNCOMFY_SUBMITS_PER_SECOND: '0',
      RUNCOMFY_READS_PER_SECOND: 'many',
      RUNCOMFY_MAX_CONCURRENT_SUBMITS: '0',
      RUNCOMFY_MAX_CONCURRENT_READS: '2,000',
      RUNCOMFY_MAX_CACHED_WORKFLOWS: '0.5',
      RUNCOMFY_HEALTH_ADDRESS: '8081',
      RUNCOMFY_METRICS_ADDRESS: 'localhost:99999',
      RUNCOMFY_LOG_LEVEL: 'loud',
      RUNCOMFY_GATEWAY_ADDRESS: '8090',
      RUNCOMFY_GATEWAY_PUBLIC_URL: 'https://media.example.com/v1',
      RUNCOMFY_GATEWAY_ALLOWED_HOSTS: 'http://media.example.com',
      RUNCOMFY_GATEWAY_ON_UNKNOWN: 'resubmit',
      RUNCOMFY_GATEWAY_DRAIN_MS: '1h',
      RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS: '30001',
      RUNCOMFY_GATEWAY_CORS_ORIGINS: 'https://page.example.com,*',
      RUNCOMFY_GATEWAY_TRUST_PROXY: '10.0.0.0/8,true',
      RUNCOMFY_GATEWAY_OIDC_ISSUER: 'http://login.example.com',
      RUNCOMFY_GATEWAY_OIDC_TENANT_CLAIM: 'two words',
      RUNCOMFY_GATEWAY_OIDC_ALGORITHMS: 'RS256,HS256',
      RUNCOMFY_API_TOKEN: 'two words',
    };
    const problems = problemsOf(env);
    expect(problems).toHaveLength(Object.keys(env).length);
    for (const name of Object.keys(env)) expect(problems.some((problem) => problem.startsWith(name))).toBe(true);
    const error = new ConfigError(problems);
    expect(error.exitCode).toBe(78);
    for (const problem of problems) expect(error.message).toContain(problem);
  });

  it('does not send the token to the balance of another installation', () => {
    const base = 'https://other.example/v1';
    expect(readConfig({ RUNCOMFY_MODEL_API_BASE: base }).serverlessApiBase).toBeUndefined();
    const own = 'https://balance.example/v2';
    const both = { RUNCOMFY_MODEL_API_BASE: base, RUNCOMFY_SERVERLESS_API_BASE: own };
    expect(readConfig(both).serverlessApiBase).toBe(own);
    const sameAsDefault = { RUNCOMFY_MODEL_API_BASE: 'https://model-api.runcomfy.net/v1/' };
    expect(readConfig(sameAsDefault).serverlessApiBase).toBe('https://api.runcomfy.net/prod/v2');
  });

  it.each(['http://127.0.0.1:7788/v1', 'http://localhost:7788/v1', 'http://[::1]:7788/v1'])('allows %s', (base) => {
    expect(readConfig({ RUNCOMFY_API_TOKEN: 'secret', RUNCOMFY_MODEL_API_BASE: base }).modelApiBase).toBe(base);
  });

  it('refuses plain http beyond loopback, for the token would be readable on the way', () => {
    const base = { RUNCOMFY_MODEL_API_BASE: 'http://localhost.evil.example/v1' };
    expect(problemsOf({ ...base, RUNCOMFY_API_TOKEN: 'secret' })).toEqual([expect.stringContaining('plain http')]);
    expect(problemsOf(base)).toHaveLength(1);
    expect(problemsOf({ ...base, RUNCOMFY_API_TOKEN: 'sim-me' })).toEqual([]);
  });

  it.each([
    'https://user:pw@host.example/v1',
    'https://host.example/v1?x=1',
    'https://host.example/v1#x',
    'ftp://host.example',
  ])('refuses %s as a base', (base) => {
    expect(problemsOf({ RUNCOMFY_MODEL_API_BASE: base })).toHaveLength(1);
  });

  it('repeats no login, and no secret that stands where its file belongs', () => {
    const secret = 'S3cret';
    const problems = problemsOf({
      RUNCOMFY_MODEL_API_BASE: `svc:${secret}@host.example/v1`,
      RUNCOMFY_SERVERLESS_API_BASE: `ftp://svc:${secret}@host.example/v1`,
      RUNCOMFY_HEALTH_ADDRESS: `http://svc:${secret}@127.0.0.1:8081`,
      RUNCOMFY_CODEC_KEYS_FILE: `{"activeKeyId":"a","keys":{"a":"${secret}"}}`,
      RUNCOMFY_WEBHOOK_SECRETS_FILE: `whsec_${secret}`,
    });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toContain(secret);
  });

  it.each([
    ['base64', '3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs='],
    ['base64 that begins like a path', '/q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs='],
    ['base64url', '3q2-7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs'],
    ['hex', 'deadbeef000102030405060708090a0b0c0d0e0f101112131415161718191a1b'],
  ])('takes no key of a codec in %s for the path of its file', (_, key) => {
    expect(problemsOf({ RUNCOMFY_CODEC_KEYS_FILE: key })).toEqual([expect.not.stringContaining(key)]);
  });

  it('takes paths of any length for the files of secrets', () => {
    for (const file of ['/run/secrets/runcomfy_codec_keys_production', './keys', 'keys.json', 'C:\\keys.json'])
      expect(readConfig({ RUNCOMFY_CODEC_KEYS_FILE: file }).codecKeysFile).toContain('keys');
  });

  it('refuses one half of a worker version', () => {
    expect(problemsOf({ TEMPORAL_DEPLOYMENT_NAME: 'x' })).toEqual([
      expect.stringContaining('TEMPORAL_WORKER_BUILD_ID'),
    ]);
  });

  it('keeps the state below XDG_STATE_HOME where that is set', () => {
    expect(readConfig({ XDG_STATE_HOME: '/state' }).stateDir).toBe(join('/state', 'runcomfy-temporal'));
  });

  it('cannot be changed', () => {
    const config = readConfig({ RUNCOMFY_HEALTH_ADDRESS: '127.0.0.1:1' });
    expect(() => Object.assign(config, { taskQueue: 'other' })).toThrow(TypeError);
    expect(() => Object.assign(config.healthAddress ?? {}, { port: 2 })).toThrow(TypeError);
  });

  it('shows the token in no form when it is printed', async () => {
    const config = readConfig({ RUNCOMFY_API_TOKEN: 'secret-token' });
    const { inspect } = await import('node:util');
    const printed = `${inspect(config, { depth: null, showHidden: true })}${JSON.stringify(config)}${String(tokenSource(config))}`;
    expect(printed).not.toContain('secret-token');
    expect(await tokenSource(config)()).toBe('secret-token');
  });

  it('reads proxies by their usual names, of which the small ones count, and shows no credentials', async () => {
    const config = readConfig({
      https_proxy: 'http://user:secret-word@proxy.example:3128',
      HTTPS_PROXY: 'http://other.example',
      HTTP_PROXY: 'plain.example:8080',
      NO_PROXY: '.internal.example',
    });
    expect(config.proxies).toMatchObject({
      shown: ['http://proxy.example:3128 (https_proxy)', 'http://plain.example:8080 (HTTP_PROXY)'],
      direct: '.internal.example',
    });
    expect(config.proxies?.urls()).toEqual({
      httpsProxy: 'http://user:secret-word@proxy.example:3128/',
      httpProxy: 'http://plain.example:8080/',
      noProxy: '.internal.example',
    });
    const { inspect } = await import('node:util');
    expect(`${inspect(config, { depth: null, showHidden: true })}${JSON.stringify(config)}`).not.toContain(
      'secret-word',
    );
    expect(readConfig({ HTTPS_PROXY: ' ', NO_PROXY: 'x' }).proxies).toBeUndefined();
    for (const HTTPS_PROXY of ['socks5://u:secret-word@proxy.example', 'http://secret-word@[', 'http://p/secret-word'])
      expect(problemsOf({ HTTPS_PROXY })).toEqual([
        'HTTPS_PROXY: expected the URL of an HTTP proxy, such as http://proxy.example:3128.',
      ]);
  });
});
