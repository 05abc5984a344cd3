import { App, Stack } from 'aws-cdk-lib';
import { BuildEnvironmentVariableType, BuildSpec, Project, Source } from 'aws-cdk-lib/aws-codebuild';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TokenRefresher } from '../../../infra/construct/token-refresher.ts';

/**
 * The CDK way: the refresher and two CodeBuild projects that use its token, in one stack of your own. Neither project
 * may read the client secret. `npx cdk synth --app 'node ci/examples/codebuild/app.ts'`
 */
const stack = new Stack(new App(), 'CxAsCode');

const refresher = new TokenRefresher(stack, 'Genesys', {
  tokenName: 'genesys',
  provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
  secret: Secret.fromSecretNameV2(stack, 'OAuthClient', 'genesys/ci-client'),
});

const source = Source.gitHub({ owner: 'example', repo: 'contact-centre' });

// Shorter than the guaranteed floor: CodeBuild puts the token into the environment, and masks it in the log.
const shortJob = new Project(stack, 'ShortJob', {
  source,
  buildSpec: BuildSpec.fromSourceFilename('ci/examples/codebuild/buildspec.yml'),
  environmentVariables: {
    GENESYSCLOUD_ACCESS_TOKEN: {
      type: BuildEnvironmentVariableType.PARAMETER_STORE,
      value: refresher.tokenParameterName,
    },
  },
});
refresher.grantRead(shortJob);

// Longer: `access-token exec --min-ttl` inside the phases, which may ask the refresher for a new token.
const longJob = new Project(stack, 'LongJob', {
  source,
  buildSpec: BuildSpec.fromSourceFilename('ci/examples/codebuild/buildspec-long.yml'),
});
refresher.grantRead(longJob);
refresher.grantRefresh(longJob);
