import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../../config/env.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { withoutQuery } from '../../domain/webhook/webhook.ts';
import { CliError } from '../cli-error.ts';
import { type CommandAdder, defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { catchInterrupts } from '../interrupts.ts';
import { parseStretch } from '../options/option-parsers.ts';
import { table } from '../printing/pretty.ts';

interface CreateOptions {
  tenant: string;
  name: string;
  scope: 'read' | 'generate' | 'admin';
  expires?: number;
  model?: string[];
}

/** Loaded on demand, like the gateway itself. */
const loadKeys = async () => ({
  ...(await import('../../gateway/access/api-key.ts')),
  ...(await import('../../gateway/access/key-file.ts')),
  ...(await import('../../gateway/access/key-records.ts')),
});

const addCreate = defineCommand<CreateOptions>({
  signature: 'create',
  summary: 'Make an API key of the gateway, print it once, and add its record to the file of keys.',
  examples: [
    "runcomfy-temporal keys create --tenant acme --name 'render farm' --model 'kling/**' --expires 90d",
    "runcomfy-temporal keys create --tenant '*' --name me --scope admin --output json | jq -r .key",
  ],
  set: (command: Command) =>
    command
      .requiredOption('--tenant <name>', 'whose generations it sees: small letters, digits and "-"; * for all')
      .requiredOption('--name <text>', 'what it is for')
      .addOption(
        new Option('--scope <scope>', 'each contains those before it')
          .choices(['read', 'generate', 'admin'])
          .default('generate'),
      )
      .option('--expires <stretch>', 'from now, such as 90d; default: never', parseStretch)
      .option('--model <pattern>', 'a model that it may order, * and ** for anything; several times for several', more),
  act: async ({ printer, config }, _args, { tenant, name, scope, expires, model }) => {
    const file = fileOf(config());
    const { changeKeyFile, createApiKey, digestOf, keyRecord, readKeyFile } = await loadKeys();
    const { id, key } = createApiKey();
    const now = Date.now();
    const record = keyRecord.safeParse(
      withoutUndefined({
        id,
        name,
        tenant,
        scopes: [scope],
        sha256: digestOf(key),
        createdAt: new Date(now).toISOString(),
        expiresAt: expires === undefined ? undefined : new Date(now + expires).toISOString(),
        models: model,
      }),
    );
    if (!record.success) {
      const problems = record.error.issues.map(({ path, message }) => `--${String(path[0])}: ${message}`);
      throw new CliError('Usage', problems.join('; '));
    }
    await toItsEnd(() =>
      changeKeyFile(file, async () => [...(existsSync(file) ? await readKeyFile(file) : []), record.data]),
    );
    printer.print({ id, key }, () => key);
    return exitCodes.done;
  },
});

const addList = defineCommand({
  signature: 'list',
  summary: 'Show the API keys of the gateway, without anything secret.',
  examples: ['runcomfy-temporal keys list'],
  act: async ({ printer, config }) => {
    const { readKeyFile } = await loadKeys();
    const records = await readKeyFile(fileOf(config()));
    const keys = records.map(({ sha256: _, webhook, ...shown }) => ({
      ...shown,
      ...(webhook && { webhook: { ...webhook, url: withoutQuery(webhook.url) } }),
    }));
    printer.print({ keys }, () =>
      table(
        ['ID', 'TENANT', 'SCOPE', 'EXPIRES', 'MODELS', 'NAME'],
        keys.map(({ id, tenant, scopes, expiresAt = 'never', models = ['all'], name }) => [
          id,
          tenant,
          scopes.join(', '),
          expiresAt,
          models.join(', '),
          name,
        ]),
      ),
    );
    return exitCodes.done;
  },
});

const addRevoke = defineCommand({
  signature: 'revoke <id>',
  summary: 'Take an API key away from the gateway; it counts within two seconds.',
  examples: ['runcomfy-temporal keys revoke k7Qd2aB9'],
  act: async ({ printer, config }, [id = '']) => {
    const file = fileOf(config());
    const { changeKeyFile, readKeyFile } = await loadKeys();
    const withoutIt = async () => {
      const records = await readKeyFile(file);
      const rest = records.filter((record) => record.id !== id);
      if (rest.length === records.length) throw new CliError('KeyNotFound', `${file} has no API key ${id}`);
      return rest;
    };
    // Checked first, so that an unknown id is reported even if the file cannot be changed.
    await withoutIt();
    await toItsEnd(() => changeKeyFile(file, withoutIt));
    printer.print({ id }, () => `revoked ${id}`);
    return exitCodes.done;
  },
});

/** `keys …`: manages who may call the gateway. */
export const addKeys: CommandAdder = (program, run) => {
  const group = program.command('keys').description('API keys of the gateway: make, list and revoke them.');
  for (const add of [addCreate, addList, addRevoke]) add(group, run);
};

/** Keeps Ctrl-C and other signals from interrupting a change of the file, whose lock would be left behind. */
async function toItsEnd(change: () => Promise<void>): Promise<void> {
  const interrupts = catchInterrupts();
  try {
    await change();
  } finally {
    interrupts.stop();
  }
}

function fileOf({ gateway }: Config): string {
  if (gateway.keysFile !== undefined) return gateway.keysFile;
  throw new CliError('Configuration', 'name the file of API keys in RUNCOMFY_GATEWAY_KEYS_FILE');
}

function more(pattern: string, before: string[] = []): string[] {
  if (pattern !== '') return [...before, pattern];
  throw new InvalidArgumentError('Expected a pattern such as kling/**.');
}
