import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import { RefreshError } from '../../../lambda/errors.ts';
import { createMinter } from '../../../lambda/mint/create-minter.ts';
import type { HttpDispatcher } from '../../../lambda/mint/http.ts';
import type { Minter } from '../../../lambda/mint/minter.ts';
import type { ReadSecret, SecretStage } from '../../../lambda/mint/secret.ts';

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf';

/** The minter under test, with the secret's stages given as values. The rest is real. */
export function minterFor(
  providerSettings: ProviderSettings,
  stages: Partial<Record<SecretStage, unknown>>,
  options: {
    now?: () => Date;
    dispatcher?: HttpDispatcher;
    requestTimeoutMs?: number;
    assumedLifetimeMs?: number;
    readSecret?: ReadSecret;
  } = {},
): Minter & { readonly stagesRead: readonly SecretStage[] } {
  const stagesRead: SecretStage[] = [];
  const readSecret: ReadSecret = async (stage) => {
    stagesRead.push(stage);
    const value = stages[stage];
    if (value === undefined) throw new RefreshError('SECRET_UNAVAILABLE', `There is no ${stage}.`);
    return { text: typeof value === 'string' ? value : JSON.stringify(value), createdAt: undefined };
  };
  const { assumedLifetimeMs = 900_000, now = () => new Date(), ...rest } = options;
  const config = { providerSettings, secretArn: SECRET_ARN, assumedLifetimeMs };
  return { ...createMinter({ config, now, readSecret, ...rest }), stagesRead };
}

/** An agent that finds every name on this machine and trusts this authority. */
export function loopbackAgent(ca: string): Agent {
  const lookup: LookupFunction = (_hostname, { all }, callback) =>
    all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
  return new Agent({ connect: { ca, lookup } });
}

export const signal = () => AbortSignal.timeout(20_000);
