// Two tokens, and a CodeBuild project that reads both.
import { App, Duration, Stack } from 'aws-cdk-lib';
import { BuildEnvironmentVariableType, BuildSpec, Project } from 'aws-cdk-lib/aws-codebuild';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TokenRefresher } from 'token-refresher';

const stack = new Stack(new App(), 'ContactCentre');

const genesys = new TokenRefresher(stack, 'genesys', {
  tokenName: 'genesys',
  provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
  secret: Secret.fromSecretNameV2(stack, 'GenesysClient', 'ci/genesys-client'),
});
const cxone = new TokenRefresher(stack, 'cxone', {
  tokenName: 'cxone',
  provider: { provider: 'nice-cxone' },
  secret: Secret.fromSecretNameV2(stack, 'CxoneClient', 'ci/cxone-client'),
  // One-hour tokens, replaced often enough for a job that reads once and runs for 45 minutes.
  longestJob: Duration.minutes(45),
});

const build = new Project(stack, 'Deploy', {
  buildSpec: BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: ['./deploy.sh'] } } }),
  environmentVariables: {
    GENESYSCLOUD_ACCESS_TOKEN: {
      type: BuildEnvironmentVariableType.PARAMETER_STORE,
      value: genesys.tokenParameterName,
    },
    CXONE_ACCESS_TOKEN: {
      type: BuildEnvironmentVariableType.PARAMETER_STORE,
      value: cxone.tokenParameterName,
    },
  },
});
for (const token of [genesys, cxone]) {
  token.grants.read(build);
  token.grants.refresh(build);
}
