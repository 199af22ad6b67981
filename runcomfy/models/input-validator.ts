import { LRUCache } from 'lru-cache';
import { messageOf } from '../../domain/text.ts';
import type { CatalogueModel } from '../schemas/catalogue.ts';
import { findBundledModel } from './bundled.ts';
import type { InputReport } from './compile-input-schema.ts';
import { loopbackHostOf } from './media-url.ts';
import { validateInput } from './validate-input.ts';

export interface InputValidatorOptions {
  /** Reads a model's catalogue entry. Without it only bundled models are checked against a schema. */
  getModel?: (model: string) => Promise<CatalogueModel>;
  /** Catalogue entries kept; default 500. */
  maxModels?: number;
  /** How long an entry is cached; default 10 minutes. */
  ttlMs?: number;
  /** How long a failed read of an entry is cached; default 30 s. */
  failureTtlMs?: number;
  /** How long an input waits for the catalogue; default 10 s. */
  timeoutMs?: number;
  /**
   * Base of the Model API that orders go to. If it is on loopback, i.e. a simulator, media on its own host is accepted.
   */
  modelApiBase?: string | undefined;
  /** Host and port on which such a simulator serves its files, if not its own: `127.0.0.1:7788`. */
  mediaHost?: string;
}

export interface InputValidator {
  validate: (model: string, input: unknown) => Promise<InputReport>;
}

type Lookup = { entry: CatalogueModel } | { failure: string };

/**
 * Checks an input without the network: by the schema of a bundled model, else by the rules that hold for all models.
 */
export function validateBundled(model: string, input: unknown, modelApiBase?: string): InputReport {
  return validateInput(model, input, undefined, loopbackHostOf(modelApiBase));
}

/**
 * Creates a validator that looks up models which are not bundled in the live catalogue, with at most one read per model
 * in flight. If the catalogue cannot be read, the input passes with a warning.
 */
export function createInputValidator(options: InputValidatorOptions = {}): InputValidator {
  const { getModel, maxModels = 500, ttlMs = 600_000, failureTtlMs = 30_000, timeoutMs = 10_000 } = options;
  const loopbackHost = options.mediaHost?.toLowerCase() ?? loopbackHostOf(options.modelApiBase);
  const lookups = new LRUCache<string, Lookup>({
    max: maxModels,
    ttl: ttlMs,
    // An entry that is evicted while it is being read still answers the callers that wait for it.
    ignoreFetchAbort: true,
    fetchMethod: async (model, _stale, { options: entryOptions }) => {
      if (!getModel) return { failure: 'no catalogue is at hand' };
      try {
        return { entry: await within(timeoutMs, getModel(model)) };
      } catch (error) {
        entryOptions.ttl = failureTtlMs;
        return { failure: messageOf(error) };
      }
    },
  });

  return {
    async validate(model, input) {
      if (findBundledModel(model)) return validateInput(model, input, undefined, loopbackHost);
      const lookup = (await lookups.fetch(model)) ?? { failure: 'no answer' };
      if ('entry' in lookup) {
        const report = validateInput(model, input, lookup.entry, loopbackHost);
        if (lookup.entry.inputSchema) return report;
        return withWarning(report, `the catalogue has no input schema of ${model}; RunComfy will judge the input`);
      }
      const warning = `the input could not be checked against the schema of ${model}, RunComfy will judge it (${lookup.failure})`;
      return withWarning(validateInput(model, input, undefined, loopbackHost), warning);
    },
  };
}

function withWarning(report: InputReport, warning: string): InputReport {
  return { ...report, warnings: [warning, ...report.warnings] };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the catalogue did not answer within ${String(ms / 1000)} s`));
    }, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
