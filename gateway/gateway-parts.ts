import type { Client } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { GenerationClient, PipelinePreviewOptions } from '../client/index.ts';
import type { InputIssue } from '../domain/generation.ts';
import type { DefaultUnknownPolicy } from '../domain/unknown-submission.ts';
import type { WebhookTarget } from '../domain/webhook/webhook-target.ts';
import type { Access } from './access/access.ts';
import type { InputCheck, Model, modelList } from './contract/model.ts';
import type { Watchers } from './following/watchers.ts';
import type { DedupedKeys } from './generations/deduped-key.ts';
import type { GenerationReader } from './generations/read-generations.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';

/** Which models are listed. */
export interface ModelQuery {
  search?: string;
  category?: string;
  limit: number;
  offset: number;
}

/** The wallet in the format of our own API. */
export interface Wallet {
  usd: number;
  currency?: string;
  readAt: string;
}

/** Questions to RunComfy's catalogue and wallet; answers that are text are the JSON that RunComfy sent. */
export interface Catalogue {
  /** `query`: the query string of the URL, without the question mark. */
  models: (query: string) => Promise<string>;
  categories: () => Promise<string>;
  /** Undefined if RunComfy has no such model. */
  model: (model: string) => Promise<string | undefined>;
  balance: () => Promise<string>;
  /** Checks an input against the catalogue if it can be read, else against the rules that hold for all models. */
  check: (
    model: string,
    input: Record<string, unknown>,
  ) => Promise<{ issues: InputIssue[]; warnings: string[] } | 'unknown model'>;
  /** How previews of pipelines look models up. */
  lookup: PipelinePreviewOptions['catalogue'];
  /** The list in the format of our own API. */
  list: (query: ModelQuery) => Promise<z.output<typeof modelList>>;
  /** Undefined if RunComfy has no such model. */
  entry: (model: string) => Promise<Model | undefined>;
  /** The price of an order; rejects if the catalogue cannot answer at the moment. */
  price: (model: string, input: Record<string, unknown>) => Promise<InputCheck['price']>;
  wallet: () => Promise<Wallet>;
}

/** The settings of a gateway. */
export interface GatewaySettings {
  host: string;
  publicUrl?: string | undefined;
  allowedHosts?: readonly string[] | undefined;
  corsOrigins?: readonly string[] | undefined;
  trustProxy?: readonly string[] | undefined;
  oidc?: { issuer: string } | undefined;
  onUnknownSubmission: DefaultUnknownPolicy;
  /** How long to wait for an early refusal by RunComfy before an order is answered. */
  submitGraceMs: number;
}

/** What the routes of a gateway work with. */
export interface GatewayParts {
  client: Client;
  generations: GenerationClient;
  reader: GenerationReader;
  dedupedKeys: DedupedKeys;
  watchers: Watchers;
  catalogue: Catalogue;
  /** Problems of an order's webhook: with its URL, or because its secrets are not known. */
  checkWebhook: (target: WebhookTarget) => Promise<InputIssue[]>;
  access: Access;
  settings: GatewaySettings;
  metrics: GatewayMetrics;
  log: Logger;
  /** The origin that the client of a request uses. */
  originOf: (request: FastifyRequest) => string;
  isDraining: () => boolean;
}
