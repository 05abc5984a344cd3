/** The account and region of the fixture. */
export const TARGET = { account: '111122223333', region: 'eu-central-1' };

const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const SECRET_KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/66666666-7777-4888-9999-000000000000';

/** Three tokens that use every setting between them. */
export const FULL_TOKENS = [
  {
    name: 'genesys',
    provider: 'genesys-cloud',
    region: 'eu-central-1',
    alarmEmail: 'on-call@example.com',
    readers: ['arn:aws:iam::111122223333:role/ci/build', 'arn:aws:iam::111122223333:role/deploy'],
    longestJob: 45,
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
    secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/generic-client-AbCdEf',
    encryptionKeyArn: KEY_ARN,
    refreshInterval: 20,
    expectedLifetime: 120,
    assumedLifetime: 30,
    longestJob: 90,
    alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
    readers: ['arn:aws:iam::111122223333:role/generic-build'],
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

/** Context beside the tokens. */
export const FULL_CONTEXT = {
  dashboard: true,
  [`vpc-provider:account=${TARGET.account}:filter.vpc-id=${VPC_ANSWER.vpcId}:region=${TARGET.region}:returnAsymmetricSubnets=true`]:
    VPC_ANSWER,
};
