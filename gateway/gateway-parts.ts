import type { Client } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { GenerationClient } from '../client/index.ts';
import type { InputIssue } from '../domain/generation.ts';
import type { Access } from './access/access.ts';
import type { GenerationReader } from './generations/read-generations.ts';
import type { GenerationWatcher } from './generations/watch-generations.ts';

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
}

/** How a gateway is set up. */
export interface GatewaySettings {
  host: string;
  publicUrl?: string | undefined;
  allowedHosts?: readonly string[] | undefined;
  corsOrigins?: readonly string[] | undefined;
  trustProxy?: readonly string[] | undefined;
  onUnknownSubmission: 'hold' | 'fail';
  /** How long an order waits for an early refusal of RunComfy's. */
  submitGraceMs: number;
}

/** What the routes of a gateway work with. */
export interface GatewayParts {
  client: Client;
  generations: GenerationClient;
  reader: GenerationReader;
  watcher: GenerationWatcher;
  catalogue: Catalogue;
  access: Access;
  settings: GatewaySettings;
  log: Logger;
  /** The origin that a request's client uses. */
  originOf: (request: FastifyRequest) => string;
  isDraining: () => boolean;
}
