import { randomBytes } from 'node:crypto';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';

/** The real SDK clients that a check speaks through, and a name that no other check uses, so that checks need no clean slate. */
type Check = (given: ReturnType<typeof connectContract> & { readonly Name: string }) => Promise<void>;

/** Makes clients for an endpoint, which do not try again: a check wants the first answer. */
export function connectContract(options: {
  url: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}) {
  const configuration = {
    endpoint: options.url,
    region: 'eu-central-1',
    credentials: options.credentials,
    maxAttempts: 1,
  };
  return { ssm: new SSMClient(configuration), secrets: new SecretsManagerClient(configuration) };
}

export function uniqueName(prefix = '/contract'): string {
  return `${prefix}/${randomBytes(6).toString('hex')}`;
}

/**
 * Gives a suite the function that declares a test of one documented behaviour of AWS. The tests run against our endpoint;
 * where CONTRACT_ENDPOINT_URL is set, against that emulator. `knownGap`: how MiniStack 1.5.33 behaves otherwise than AWS
 * documents; `npm run contract` fails if such a check begins to pass.
 */
export function useContract(): (name: string, check: Check, knownGap?: string) => void {
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
  afterAll(() => endpoint?.close());

  return (name, check, knownGap) => {
    const run = () => check({ ...clients, Name: uniqueName() });
    if (given === undefined || knownGap === undefined) test(name, run);
    else test(`${name} (known gap: ${knownGap})`, () => expect(run()).rejects.toThrow());
  };
}
