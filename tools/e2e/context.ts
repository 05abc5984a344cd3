import type { Account } from './account.ts';
import type { Cdk } from './cdk.ts';
import type { Commands } from './commands.ts';
import type { Steps } from './steps.ts';
import type { Target } from './target.ts';
import type { TokenServer } from './token-server.ts';

/** Everything that a run works with. */
export interface RunContext {
  readonly target: Target;
  readonly commands: Commands;
  readonly account: Account;
  readonly cdk: Cdk;
  readonly server: TokenServer;
  readonly steps: Steps;
  /** Names of this run only: the prefix of all parameters; what is made before the first deployment, a filled secret and a job's role. */
  readonly names: { readonly prefix: string; readonly secret: string; readonly role: string };
}

/** Path of a token's parameters. */
export function pathOf({ names }: RunContext, token: string): string {
  return `${names.prefix}/${token}`;
}

/** Name of a token's function. */
export function functionOf(context: RunContext, token: string): string {
  return `token-refresher${pathOf(context, token).replaceAll('/', '-')}`;
}

/** The tokens of the first deployment. */
export type Tokens = ReturnType<typeof firstTokens>;

/** @param readerArn ARN of the job's role */
export function firstTokens({ names, server }: RunContext, readerArn: string) {
  const shared = {
    provider: 'oauth2',
    prefix: names.prefix,
    // Accounts with a concurrency limit of 10 cannot reserve.
    reservedConcurrency: process.env.E2E_RESERVED_CONCURRENCY === '0' ? 0 : 1,
    // The heartbeat's second mint then comes after a minute.
    refreshInterval: 1,
  };
  const { tokenUrl, deadTokenUrl } = server;
  return {
    /** Its secret exists, and is filled. */
    filled: { ...shared, name: 'filled', tokenUrl, secretName: names.secret },
    /** Its secret is made by the stack, without a value. The job reads it. */
    waiting: { ...shared, name: 'waiting', tokenUrl, refreshInterval: 50, readers: [readerArn] },
    /** Its token endpoint is down. */
    outage: { ...shared, name: 'outage', tokenUrl: deadTokenUrl, secretName: names.secret },
  };
}
