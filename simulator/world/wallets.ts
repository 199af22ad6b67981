import type { Job } from './job.ts';

/** One token's money, in micro-dollars. A negative balance is allowed. */
export interface Wallet {
  /** Digest of the token. */
  readonly owner: string;
  grantedMicro: number;
  chargedMicro: number;
  /** Times of the submits of the last second. */
  recentSubmits: number[];
}

export interface Wallets {
  of: (owner: string) => Wallet;
  all: () => Iterable<Wallet>;
  /** Charges a job, or refunds it. */
  settle: (job: Job, isDue: boolean) => void;
  clear: () => void;
}

/** A wallet is created when its token is first used. */
export function createWallets(openingMicro: () => number): Wallets {
  const wallets = new Map<string, Wallet>();

  function of(owner: string): Wallet {
    let wallet = wallets.get(owner);
    if (wallet === undefined) {
      wallet = { owner, grantedMicro: openingMicro(), chargedMicro: 0, recentSubmits: [] };
      wallets.set(owner, wallet);
    }
    return wallet;
  }

  return {
    of,
    all: () => wallets.values(),
    settle(job, isDue) {
      const dueMicro = isDue ? job.priceMicro : 0;
      of(job.owner).chargedMicro += dueMicro - job.chargedMicro;
      job.chargedMicro = dueMicro;
    },
    clear() {
      wallets.clear();
    },
  };
}

export function balanceMicroOf(wallet: Wallet): number {
  return wallet.grantedMicro - wallet.chargedMicro;
}
