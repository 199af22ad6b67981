import type { z } from 'zod';
import type { BalanceReading } from '../domain/generation.ts';
import { withoutUndefined } from '../domain/json.ts';
import { isModelId, isRequestId } from '../domain/request.ts';
import { bodyOf, type CallContext, excerpt, protocolMismatch } from './classify.ts';
import type { TimeoutOverrides } from './endpoints.ts';
import { isRunComfyError, RunComfyError } from './errors.ts';
import type { CloseOptions, ProxySettings } from './http/dispatchers.ts';
import { createTransport, type Exchange, type HttpCall } from './http/transport.ts';
import { userAgent } from './http/user-agent.ts';
import { modelKind } from './models/model-kind.ts';
import { balanceReply } from './schemas/balance.ts';
import { type CancelReply, cancelReply } from './schemas/cancel-reply.ts';
import { catalogueList, catalogueModel, type CatalogueModel, categoryList } from './schemas/catalogue.ts';
import { type ResultReply, resultReply } from './schemas/result-reply.ts';
import { type StatusReply, statusReply } from './schemas/status-reply.ts';
import { submitReply } from './schemas/submit-reply.ts';
import { createTokenReader } from './token/read-token.ts';
import { createScrubber } from './token/scrub.ts';
import { parseUrl } from './urls.ts';

export interface RunComfyClientOptions {
  /**
   * Base of the Model API with its `/v1`, e.g. `https://model-api.runcomfy.net/v1`. The token is sent only to this
   * origin and to that of `serverlessApiBase`.
   */
  modelApiBase: string;
  /** Serves the balance, e.g. `https://api.runcomfy.net/prod/v2`. */
  serverlessApiBase?: string;
  /** Called before each HTTP call, so that a rotated token is picked up; times out after 5 s. */
  token: () => string | Promise<string>;
  timeouts?: TimeoutOverrides;
  userAgent?: string;
  /** Default 64 MiB. A longer reply is an error. */
  maxReplyBytes?: number;
  /** Default: none, whatever the environment says. */
  proxies?: ProxySettings;
}

/** `signal` aborts the call early; the call then rejects with the signal's own reason. */
export interface CallOptions {
  signal?: AbortSignal;
}

export interface SubmitOptions {
  /** Called once the connection is open, right before the first byte is written. If it throws, nothing is sent. */
  beforeSend?: () => void;
}

export interface ResultOptions extends CallOptions {
  model: string;
  /** URLs of the input; they are never taken for outputs. */
  inputUrls?: readonly string[];
}

export interface CatalogueQuery {
  limit?: number;
  offset?: number;
  search?: string;
  category?: string;
  kind?: 'model' | 'workflow' | 'inference';
  includeSchema?: boolean;
}

/** The account's wallet. */
export interface Balance extends BalanceReading {
  usd: number;
  currency?: string;
}

/** A read whose JSON is passed on unchanged. `query` is the query of the list's URL, without the question mark. */
export type VerbatimRead =
  { of: 'models'; query: string } | { of: 'categories' } | { of: 'model'; model: string } | { of: 'balance' };

/**
 * RunComfy's HTTP API: one attempt per call, with a typed answer or a `RunComfyError`. The client never retries; each
 * retry is the caller's decision.
 */
export interface RunComfyClient {
  /** Base of the Model API; contains no credentials. */
  readonly modelApiBase: string;
  /** POSTs the paid order. It takes no abort signal, since the outcome of an order cut short is unknown. */
  submit: (
    model: string,
    input: Record<string, unknown>,
    options?: SubmitOptions,
  ) => Promise<{ requestId: string; receivedAt: string }>;
  status: (requestId: string, options?: CallOptions) => Promise<StatusReply>;
  /** A result that is not ready resolves with `not_ready`, in whichever way RunComfy says so. */
  result: (requestId: string, options: ResultOptions) => Promise<ResultReply>;
  cancel: (requestId: string, options?: CallOptions) => Promise<CancelReply>;
  listModels: (query?: CatalogueQuery, options?: CallOptions) => Promise<{ models: CatalogueModel[]; total: number }>;
  listCategories: (options?: CallOptions) => Promise<string[]>;
  getModel: (model: string, options?: CallOptions) => Promise<CatalogueModel>;
  balance: (options?: CallOptions) => Promise<Balance>;
  /** Closes the connections kept for reuse. */
  close: (options?: CloseOptions) => Promise<void>;
}

/** Reads of the catalogue and the wallet for callers that pass the JSON on. */
export interface VerbatimReads {
  /** The JSON that RunComfy sent, unchanged except that the token is removed. */
  verbatim: (what: VerbatimRead, options?: CallOptions) => Promise<string>;
}

/**
 * Creates a client of RunComfy's HTTP API. Throws if a base is not a plain http(s) URL without credentials or query.
 */
export function createRunComfyClient(options: RunComfyClientOptions): RunComfyClient & VerbatimReads {
  const modelApi = parseBase('modelApiBase', options.modelApiBase);
  const serverlessApi =
    options.serverlessApiBase === undefined ? undefined : parseBase('serverlessApiBase', options.serverlessApiBase);
  const scrubber = createScrubber();
  const transport = createTransport({
    scrubber,
    userAgent: options.userAgent ?? userAgent,
    ...withoutUndefined({
      timeouts: options.timeouts,
      maxReplyBytes: options.maxReplyBytes,
      proxies: options.proxies,
    }),
  });

  const readToken = createTokenReader(options.token, scrubber);

  type Request = Omit<HttpCall, 'endpoint' | 'token'>;

  const send = async (context: CallContext, request: Request): Promise<{ exchange: Exchange; body: unknown }> => {
    const token = await readToken(context, request.signal);
    const exchange = await transport.send({ ...request, endpoint: context.endpoint, token });
    return { exchange, body: bodyOf(context, exchange) };
  };
  const call = async <Schema extends z.ZodType>(
    context: CallContext,
    request: Request,
    schema: Schema,
  ): Promise<z.output<Schema>> => {
    const { exchange, body } = await send(context, request);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw protocolMismatch(context, exchange, excerpt(body));
  };

  const aboutRequest = (requestId: string, action: string, query = ''): URL => {
    if (!isRequestId(requestId)) {
      throw new RunComfyError('RequestNotFound', `${JSON.stringify(requestId)} is no RunComfy request id`, {
        isPermanent: true,
      });
    }
    return urlOf(modelApi, `requests/${encodeURIComponent(requestId)}/${action}`, query);
  };
  const aboutModel = (model: string, details: { submission?: 'not_sent' }): URL => {
    if (!isModelId(model)) {
      throw new RunComfyError('InvalidInput', `${JSON.stringify(model)} is no RunComfy model id`, details);
    }
    return urlOf(modelApi, `models/${model}`);
  };

  const balanceUrl = (): URL => {
    if (serverlessApi !== undefined) return urlOf(serverlessApi, 'balance');
    throw new RunComfyError(
      'ServiceUnavailable',
      'Reading the balance: no address is set for it, and it is not guessed for another model API; set RUNCOMFY_SERVERLESS_API_BASE',
      { isPermanent: true },
    );
  };
  const urlOfRead = (what: VerbatimRead): URL => {
    switch (what.of) {
      case 'models':
        return urlOf(modelApi, 'models', what.query === '' ? '' : `?${what.query}`);
      case 'categories':
        return urlOf(modelApi, 'models/categories');
      case 'model':
        return aboutModel(what.model, {});
      case 'balance':
        return balanceUrl();
    }
  };

  return {
    modelApiBase: modelApi,
    async submit(model, input, { beforeSend } = {}) {
      const url = aboutModel(model, { submission: 'not_sent' });
      const context: CallContext = { endpoint: 'submit', what: `Submitting ${model}` };
      const body = toJson(model, input);
      const { requestId } = await call(
        context,
        { method: 'POST', url, body, ...(beforeSend && { beforeSend }) },
        submitReply,
      );
      return { requestId, receivedAt: new Date().toISOString() };
    },
    async status(requestId, { signal } = {}) {
      const url = aboutRequest(requestId, 'status');
      const context: CallContext = {
        endpoint: 'status',
        what: `Reading the status of request ${requestId}`,
        requestId,
      };
      return await call(context, { method: 'GET', url, ...(signal && { signal }) }, statusReply(requestId));
    },
    async result(requestId, { model, inputUrls, signal }) {
      const url = aboutRequest(requestId, 'result', '?include_cost=true');
      const context: CallContext = {
        endpoint: 'result',
        what: `Reading the result of request ${requestId} (${model})`,
        requestId,
      };
      const schema = resultReply({ requestId, kind: modelKind(model), inputUrls });
      try {
        return await call(context, { method: 'GET', url, ...(signal && { signal }) }, schema);
      } catch (error) {
        if (isRunComfyError(error) && error.notReady === true) return { status: 'not_ready' };
        throw error;
      }
    },
    async cancel(requestId, { signal } = {}) {
      const url = aboutRequest(requestId, 'cancel');
      const context: CallContext = { endpoint: 'cancel', what: `Cancelling request ${requestId}`, requestId };
      return await call(context, { method: 'POST', url, ...(signal && { signal }) }, cancelReply(requestId));
    },
    async listModels(query = {}, { signal } = {}) {
      const url = urlOf(modelApi, 'models', searchOf(query));
      const context: CallContext = { endpoint: 'catalogue', what: 'Reading the model catalogue' };
      return await call(context, { method: 'GET', url, ...(signal && { signal }) }, catalogueList);
    },
    async listCategories({ signal } = {}) {
      const url = urlOf(modelApi, 'models/categories');
      const context: CallContext = { endpoint: 'catalogue', what: 'Reading the categories of the model catalogue' };
      return await call(context, { method: 'GET', url, ...(signal && { signal }) }, categoryList);
    },
    async getModel(model, { signal } = {}) {
      const url = aboutModel(model, {});
      const context: CallContext = { endpoint: 'catalogue', what: `Reading the catalogue's entry of ${model}` };
      return await call(context, { method: 'GET', url, ...(signal && { signal }) }, catalogueModel);
    },
    async verbatim(what, { signal } = {}) {
      const isBalance = what.of === 'balance';
      const context: CallContext = { endpoint: isBalance ? 'balance' : 'catalogue', what: `Reading the ${what.of}` };
      const { exchange, body } = await send(context, {
        method: 'GET',
        url: urlOfRead(what),
        ...(signal && { signal }),
      });
      if (exchange.kind === 'answered' && exchange.body.kind === 'json') return exchange.body.text;
      throw protocolMismatch(context, exchange, excerpt(body));
    },
    async balance({ signal } = {}) {
      const url = balanceUrl();
      const context: CallContext = { endpoint: 'balance', what: 'Reading the balance' };
      const wallet = await call(context, { method: 'GET', url, ...(signal && { signal }) }, balanceReply);
      return { ...wallet, readAt: new Date().toISOString() };
    },
    close: (options) => transport.close(options),
  };
}

function parseBase(name: string, base: string): string {
  const url = parseUrl(base);
  const isCallable =
    (url?.protocol === 'https:' || url?.protocol === 'http:') &&
    url.username + url.password + url.search + url.hash === '';
  if (!url || !isCallable) {
    throw new Error(`${name} is no base address: expected http(s)://host/path without credentials or query`);
  }
  return url.href.replace(/\/+$/, '');
}

function urlOf(base: string, path: string, query = ''): URL {
  return new URL(`${base}/${path}${query}`);
}

function toJson(model: string, input: Record<string, unknown>): string {
  try {
    return JSON.stringify(input);
  } catch (cause) {
    throw new RunComfyError('InvalidInput', `The input of ${model} cannot be written as JSON`, {
      submission: 'not_sent',
      cause,
    });
  }
}

function searchOf({ limit, offset, search, category, kind, includeSchema }: CatalogueQuery): string {
  const entries = { limit, offset, search, category, kind, include_schema: includeSchema };
  const params = Object.entries(entries)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): [string, string] => [name, String(value)]);
  return params.length === 0 ? '' : `?${new URLSearchParams(params).toString()}`;
}
