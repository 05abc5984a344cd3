import { randomBytes } from 'node:crypto';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';

/**
 * Where MiniStack 1.5.33 behaves otherwise than AWS documents, by the name of the check. `npm run contract` fails if a check fails that is
 * not here, and if one that is here begins to pass.
 */
const GAPS: Readonly<Record<string, string>> = {
  'a secret without a value has no AWSCURRENT; its first value gets it': 'it has an empty value',
  'Intelligent-Tiering chooses advanced above 4,096 bytes, never goes back, and ends at 8,192':
    'the tier is kept as asked for',
  'a key that is not there is InvalidKeyId': 'keys of parameters are not looked up',
};

/** The real SDK clients that a check speaks through. */
export interface ContractClients {
  readonly ssm: SSMClient;
  readonly secrets: SecretsManagerClient;
}

/** The clients, and a name that no other check uses, so that checks need no clean slate. */
type Check = (given: ContractClients & { readonly Name: string }) => Promise<void>;

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
  const secrets = new SecretsManagerClient(configuration);
  return {
    ssm,
    secrets,
    destroy() {
      ssm.destroy();
      secrets.destroy();
    },
  };
}

export function uniqueName(prefix = '/contract'): string {
  return `${prefix}/${randomBytes(6).toString('hex')}`;
}

/**
 * Gives a suite the function that declares a test of one documented behaviour of AWS. The tests run against our endpoint;
 * where CONTRACT_ENDPOINT_URL is set, against that emulator, whose known gaps have to fail.
 */
export function useContract(): (name: string, check: Check) => void {
  const given = process.env.CONTRACT_ENDPOINT_URL;
  let endpoint: AwsEndpoint | undefined;
  let clients: ReturnType<typeof connectContract>;
  beforeAll(async () => {
    if (given === undefined)
      endpoint = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333' });
    const credentials = endpoint?.iam.registerAdministrator() ?? {
      accessKeyId: 'test',
      secretAccessKey: 'test',
    };
    clients = connectContract({ url: endpoint?.url ?? given ?? '', credentials });
  });
  afterAll(async () => {
    clients.destroy();
    await endpoint?.close();
  });

  return (name, check) => {
    const run = () => check({ ...clients, Name: uniqueName() });
    const gap = given === undefined ? undefined : GAPS[name];
    if (gap === undefined) test(name, run);
    else test(`${name} (known gap: ${gap})`, () => expect(run()).rejects.toThrow());
  };
}
