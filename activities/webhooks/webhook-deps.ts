/** What deliveries need from the process they run in. */
export interface WebhookDeps {
  /** The secrets of a name as they are now, the one that signs first first; undefined: there are none of that name. */
  secretsOf: (name: string) => Promise<readonly string[] | undefined>;
  /** `host` or `host:port` that may be private, or spoken to in plain http. */
  allowedHosts: readonly string[];
  /** `runcomfy-temporal/<version>` */
  userAgent: string;
}
