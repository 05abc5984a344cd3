import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { connectContract } from './contract-check.ts';
import { secretsManagerContract } from './secrets-manager-contract.ts';
import { ssmContract } from './ssm-contract.ts';

let endpoint: AwsEndpoint;
let clients: ReturnType<typeof connectContract>;

beforeAll(async () => {
  endpoint = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333' });
  clients = connectContract({ url: endpoint.url, credentials: endpoint.iam.registerAdministrator() });
});
afterAll(async () => {
  clients.destroy();
  await endpoint.close();
});

describe('Parameter Store', () => {
  test.each(ssmContract)('$name', ({ run }) => run(clients));
});

describe('Secrets Manager', () => {
  test.each(secretsManagerContract)('$name', ({ run }) => run(clients));
});
