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

/** The wallet in our own words. */
export interface Wallet {
  usd: number;
  currency?: string;
  readAt: string;
}

/** What RunComfy's catalogue and wallet are asked; each answer is the JSON that RunComfy sent. */
export interface Catalogue {
  /** `query`: as the URL has it, without its question mark. */
  models: (query: string) => Promise<string>;
  categories: () => Promise<string>;
  /** Undefined: RunComfy knows no such model. */
  model: (model: string) => Promise<string | undefined>;
  balance: () => Promise<string>;
  /** Checks an input as far as the catalogue can be had, else by what holds for all models. */
  check: (
    model: string,
    input: Record<string, unknown>,
  ) => Promise<{ issues: InputIssue[]; warnings: string[] } | 'unknown model'>;
  /** What previews of pipelines look models up by. */
  lookup: PipelinePreviewOptions['catalogue'];
  /** The same in our own words. */
  list: (query: ModelQuery) => Promise<z.output<typeof modelList>>;
  /** Undefined: RunComfy knows no such model. */
  entry: (model: string) => Promise<Model | undefined>;
  /** Rejects where the catalogue gives no answer and may give one later. */
  price: (model: string, input: Record<string, unknown>) => Promise<InputCheck['price']>;
  wallet: () => Promise<Wallet>;
}

/** How a gateway is set up. */
export interface GatewaySettings {
  host: string;
  publicUrl?: string | undefined;
  allowedHosts?: readonly string[] | undefined;
  corsOrigins?: readonly string[] | undefined;
  trustProxy?: readonly string[] | undefined;
  oidc?: { issuer: string } | undefined;
  onUnknownSubmission: DefaultUnknownPolicy;
  /** How long an order waits for an early refusal of RunComfy's. */
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
  /** Why an order cannot tell its end there: what a URL says of itself, and whether its secrets are known. */
  checkWebhook: (target: WebhookTarget) => Promise<InputIssue[]>;
  access: Access;
  settings: GatewaySettings;
  metrics: GatewayMetrics;
  log: Logger;
  /** The origin that a request's client uses. */
  originOf: (request: FastifyRequest) => string;
  isDraining: () => boolean;
}
