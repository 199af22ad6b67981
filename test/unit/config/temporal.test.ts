import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTemporalConnection } from '../../../config/temporal.ts';

let home = '';

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'));
});

afterEach(() => rm(home, { recursive: true }));

const profiles = `[profile.default]
address = "default.example:7233"
[profile.cloud]
address = "cloud.example:7233"
namespace = "media.a1b2c"
api_key = "key"
`;

describe('the connection to Temporal', () => {
  it('is the local server in namespace default when nothing is set, and not configured', () => {
    expect(loadTemporalConnection({ HOME: home })).toEqual({
      connectionOptions: { address: 'localhost:7233' },
      namespace: 'default',
      isConfigured: false,
    });
  });

  it('takes address, namespace, key and TLS from the standard variables', () => {
    const { connectionOptions, namespace, isConfigured } = loadTemporalConnection({
      HOME: home,
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'media',
      TEMPORAL_API_KEY: 'key',
    });
    expect(connectionOptions).toMatchObject({ address: 'temporal.example:7233', apiKey: 'key', tls: true });
    expect({ namespace, isConfigured }).toEqual({ namespace: 'media', isConfigured: true });
  });

  it('takes an empty variable for an unset one', () => {
    const env = {
      HOME: home,
      TEMPORAL_ADDRESS: '',
      TEMPORAL_NAMESPACE: '',
      TEMPORAL_API_KEY: '',
      TEMPORAL_PROFILE: '',
    };
    expect(loadTemporalConnection(env)).toEqual(loadTemporalConnection({ HOME: home }));
  });

  it('takes a profile of the configuration file', async () => {
    const file = join(home, 'temporal.toml');
    await writeFile(file, profiles);
    const env = { HOME: home, TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'cloud' };
    expect(loadTemporalConnection(env)).toMatchObject({
      connectionOptions: { address: 'cloud.example:7233', apiKey: 'key' },
      namespace: 'media.a1b2c',
      isConfigured: true,
    });
  });

  it('says what is wrong with a profile or a file that is not there', async () => {
    const file = join(home, 'temporal.toml');
    expect(() => loadTemporalConnection({ TEMPORAL_CONFIG_FILE: file })).toThrow(/TEMPORAL_CONFIG_FILE names/);
    await writeFile(file, profiles);
    const env = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'nope' };
    expect(() => loadTemporalConnection(env)).toThrow(/'nope'.*TEMPORAL_PROFILE/);
  });

  it('refuses to leave certificates unchecked, which the SDK would not do anyway, and takes the word for no', () => {
    const env = (word: string) => ({ HOME: home, TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: word });
    expect(() => loadTemporalConnection(env('1'))).toThrow(/is always checked here.*TEMPORAL_TLS_SERVER_CA_CERT_PATH/);
    expect(loadTemporalConnection(env('false')).connectionOptions.address).toBe('localhost:7233');
  });
});
