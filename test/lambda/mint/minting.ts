import type { ProxySettings } from '../../../lambda/config.ts';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import { RefreshError } from '../../../lambda/errors.ts';
import { createMinter } from '../../../lambda/mint/create-minter.ts';
import type { Minter } from '../../../lambda/mint/minter.ts';
import type { ReadSecret, SecretStage } from '../../../lambda/mint/secret.ts';

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf';

/** The minter under test, with the secret's stages given as values. The rest is real. */
export function minterFor(
  providerSettings: ProviderSettings,
  stages: Partial<Record<SecretStage, unknown>>,
  options: { readonly now?: () => Date; readonly proxy?: ProxySettings } = {},
): Minter & { readonly stagesRead: readonly SecretStage[] } {
  const stagesRead: SecretStage[] = [];
  const readSecret: ReadSecret = async (stage) => {
    stagesRead.push(stage);
    const value = stages[stage];
    if (value === undefined) throw new RefreshError('SECRET_UNAVAILABLE', `There is no ${stage}.`);
    return { text: typeof value === 'string' ? value : JSON.stringify(value), createdAt: undefined };
  };
  const { now = () => new Date(), proxy } = options;
  const config = { providerSettings, secretArn: SECRET_ARN, assumedLifetimeMs: 900_000, proxy };
  return { ...createMinter({ config, now, readSecret }), stagesRead };
}

export const signal = () => AbortSignal.timeout(20_000);
