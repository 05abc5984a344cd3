/** The account and region of the fixture. */
export const TARGET = { account: '111122223333', region: 'eu-central-1' };

const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const SECRET_KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/66666666-7777-4888-9999-000000000000';

/** The smallest configuration. */
export const SMALLEST = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }];

/** Three tokens that use every setting between them. */
export const FULL_TOKENS = [
  {
    name: 'genesys',
    provider: 'genesys-cloud',
    region: 'eu-central-1',
    alarmEmail: 'on-call@example.com',
    readers: [
      'arn:aws:iam::111122223333:role/ci/build',
      'arn:aws:iam::111122223333:role/deploy',
      'arn:aws:iam::444455556666:role/ci/deploy',
      {
        oidcProvider: 'token.actions.githubusercontent.com',
        subject: 'repo:octo-org/ivr:ref:refs/heads/main',
      },
      {
        oidcProvider: 'token.actions.githubusercontent.com',
        subject: 'repo:octo-org/flows-*:environment:live',
      },
      { oidcProvider: 'gitlab.com', subject: 'project_path:octo/ivr:ref_type:branch:ref:main' },
    ],
    longestJob: 45,
    rotation: {
      adminSecretName: 'ci/oauth-admin',
      adminSecretEncryptionKeyArn: SECRET_KEY_ARN,
      everyDays: 30,
    },
  },
  {
    name: 'cxone',
    provider: 'nice-cxone',
    secretName: 'ci/cxone-client',
    secretEncryptionKeyArn: SECRET_KEY_ARN,
    encryptionKeyArn: KEY_ARN,
    alarmEmail: 'on-call@example.com',
    reservedConcurrency: 0,
  },
  {
    name: 'generic',
    provider: 'oauth2',
    prefix: '/team/ci',
    issuer: 'https://id.example.com',
    clientAuthentication: 'private_key_jwt',
    scope: 'deploy read',
    audience: 'https://api.example.com',
    resource: ['https://api.example.com/a', 'https://api.example.com/b'],
    parameters: { tenant: 'blue' },
    probeUrl: 'https://api.example.com/me',
    secretKeys: { client_id: 'consumerKey', private_key: 'consumerPrivateKey' },
    secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/generic-client-AbCdEf',
    encryptionKeyArn: KEY_ARN,
    refreshInterval: 20,
    expectedLifetime: 120,
    assumedLifetime: 30,
    longestJob: 90,
    alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
    readers: [
      'arn:aws:iam::111122223333:role/generic-build',
      'arn:aws:iam::444455556666:role/ci/deploy',
      {
        oidcProvider: 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542',
        subject: 'sc://octo/contact centre/aws',
      },
      {
        oidcProvider: 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc',
        subject: '{9a8b7c6d-1234-4abc-8def-0123456789ab}:*',
        audience: 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1',
      },
    ],
    vpcId: 'vpc-0123456789abcdef0',
    adoptParameters: true,
    retainParameters: true,
  },
];

/** What a look-up of the VPC would have answered: two private subnets behind a NAT gateway. */
const VPC_ANSWER = {
  vpcId: 'vpc-0123456789abcdef0',
  vpcCidrBlock: '10.0.0.0/16',
  ownerAccountId: TARGET.account,
  availabilityZones: [],
  subnetGroups: [
    {
      name: 'Private',
      type: 'Private',
      subnets: ['a', 'b'].map((zone, index) => ({
        subnetId: `subnet-0123456789abcde0${index}`,
        cidr: `10.0.${index}.0/24`,
        availabilityZone: `eu-central-1${zone}`,
        routeTableId: `rtb-0123456789abcde0${index}`,
      })),
    },
  ],
};

/** What the CDK CLI keeps of that look-up. */
export const VPC_CONTEXT = {
  [`vpc-provider:account=${TARGET.account}:filter.vpc-id=${VPC_ANSWER.vpcId}:region=${TARGET.region}:returnAsymmetricSubnets=true`]:
    VPC_ANSWER,
};

/** Context beside the tokens. */
export const FULL_CONTEXT = { ...VPC_CONTEXT, dashboard: true };
