// A token that jobs of another account read: they assume a role of this account.
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TokenRefresher } from 'token-refresher';

const OTHER_ACCOUNT = '444455556666';
const READER = `arn:aws:iam::${OTHER_ACCOUNT}:role/ci-deploy`;

const stack = new Stack(new App(), 'SharedToken');

const genesys = new TokenRefresher(stack, 'genesys', {
  tokenName: 'genesys',
  provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
  secret: Secret.fromSecretNameV2(stack, 'Client', 'ci/genesys-client'),
});

const readers = new Role(stack, 'Readers', {
  // The account, and in it this role only. The role itself as the principal would break the next deployment once
  // somebody deletes it.
  assumedBy: new AccountPrincipal(OTHER_ACCOUNT).withConditions({
    ArnEquals: { 'aws:PrincipalArn': READER },
  }),
  maxSessionDuration: Duration.hours(12),
});
genesys.grantRead(readers);
genesys.grantRefresh(readers);

new CfnOutput(stack, 'ReaderRole', { value: readers.roleArn });
