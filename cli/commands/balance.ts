import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { withRunComfy } from '../with-runcomfy.ts';

/** `balance`: the account's wallet. */
export const addBalance = defineCommand({
  signature: 'balance',
  summary: "Show the balance of the account's wallet. Needs the token.",
  examples: ['runcomfy-temporal balance', 'runcomfy-temporal balance --output json | jq .usd'],
  act: ({ config, printer }) =>
    withRunComfy(config(), async (runcomfy) => {
      const balance = await runcomfy.balance();
      printer.print(balance, () => `${balance.usd.toFixed(2)} ${balance.currency ?? 'USD'}`);
      return exitCodes.done;
    }),
});
