// A token that jobs of another account read, and a workflow on GitHub: they take a role of this account.
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ReaderRole, TokenRefresher } from 'token-refresher';

const stack = new Stack(new App(), 'SharedToken');

const genesys = new TokenRefresher(stack, 'genesys', {
  tokenName: 'genesys',
  provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
  secret: Secret.fromSecretNameV2(stack, 'Client', 'ci/genesys-client'),
});

const readers = new ReaderRole(stack, 'Readers', {
  roleArns: ['arn:aws:iam::444455556666:role/ci-deploy'],
  // The account must have an OIDC provider for token.actions.githubusercontent.com.
  oidcSubjects: [
    {
      oidcProvider: 'token.actions.githubusercontent.com',
      subject: 'repo:octo-org/ivr:ref:refs/heads/main',
    },
  ],
});
genesys.grants.read(readers);
genesys.grants.refresh(readers);

new CfnOutput(stack, 'ReaderRole', { value: readers.roleArn });
