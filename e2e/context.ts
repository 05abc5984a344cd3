import type { Aws } from './aws.ts';
import type { Cdk } from './cdk.ts';
import type { Steps } from './steps.ts';
import type { Target } from './target.ts';
import type { TokenServer } from './token-server.ts';

/** Everything that a run works with: both servers, the CLIs, the steps, and names of its own. */
export interface RunContext {
  readonly target: Target;
  readonly aws: Aws;
  readonly cdk: Cdk;
  readonly server: TokenServer;
  readonly steps: Steps;
  readonly signal: AbortSignal;
  /** Names of this run only. */
  readonly names: {
    /** Prefix of all parameters. */
    readonly prefix: string;
    /** The existing secret that holds a client, filled before the first deployment. */
    readonly secret: string;
  };
}

/** Path of a token's parameters. */
export function pathOf({ names }: RunContext, token: string): string {
  return `${names.prefix}/${token}`;
}

/** Name of a token's function. */
export function functionOf(context: RunContext, token: string): string {
  return `token-refresher${pathOf(context, token).replaceAll('/', '-')}`;
}

/** The three tokens of the first deployment, as they would stand in cdk.json. */
export function firstTokens({ names, server }: RunContext) {
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
    /** Its secret is made by the stack, without a value. */
    waiting: { ...shared, name: 'waiting', tokenUrl, refreshInterval: 50 },
    /** Its token endpoint is down. */
    outage: { ...shared, name: 'outage', tokenUrl: deadTokenUrl, secretName: names.secret },
  };
}
