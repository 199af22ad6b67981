/** What deliveries need from the process they run in. */
export interface WebhookDeps {
  /** The current secrets of a name, in the order in which they sign; undefined if there are none of that name. */
  secretsOf: (name: string) => Promise<readonly string[] | undefined>;
  /** Hosts that may be private or use plain http, as `host` or `host:port`. */
  allowedHosts: readonly string[];
  /** `runcomfy-temporal/<version>` */
  userAgent: string;
}
