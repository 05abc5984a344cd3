import { randomBytes } from 'node:crypto';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';

/** The real SDK clients that a check speaks through. */
export interface ContractClients {
  readonly ssm: SSMClient;
  readonly secretsManager: SecretsManagerClient;
}

/** One documented behaviour of AWS; `run` throws when the endpoint behaves otherwise. */
export interface ContractCheck {
  readonly name: string;
  readonly run: (clients: ContractClients) => Promise<void>;
}

/** Makes clients for an endpoint, which do not try again: a check wants the first answer. */
export function connectContract(options: {
  url: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}): ContractClients & { destroy(): void } {
  const configuration = {
    endpoint: options.url,
    region: 'eu-central-1',
    credentials: options.credentials,
    maxAttempts: 1,
  };
  const ssm = new SSMClient(configuration);
  const secretsManager = new SecretsManagerClient(configuration);
  return {
    ssm,
    secretsManager,
    destroy() {
      ssm.destroy();
      secretsManager.destroy();
    },
  };
}

/** Makes a name that no other check uses, so that checks need no clean slate. */
export function uniqueName(prefix = '/contract'): string {
  return `${prefix}/${randomBytes(6).toString('hex')}`;
}
