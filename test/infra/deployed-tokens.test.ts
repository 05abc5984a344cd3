import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { warnAboutRemovedTokens } from '../../infra/deployed-tokens.ts';
import { createTokenRefresherApp } from '../../infra/token-refresher-app.ts';
import type { TokenRefresherStack } from '../../infra/token-refresher-stack.ts';
import { startAwsEndpoint } from '../../local/aws/endpoint.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { SMALLEST, TARGET } from './full-configuration.ts';

const stackId = (name: string, account = TARGET.account) =>
  `arn:aws:cloudformation:${TARGET.region}:${account}:stack/${name}/7b1b9d0c`;

test('a token that the deployed stack has, and the tokens do not name, is a warning, where AWS can be asked', async () => {
  const aws = await startAwsEndpoint({ region: TARGET.region, accountId: TARGET.account });
  const warningsWith = async (policies: PolicyDocument[]) => {
    const credentials = aws.iam.register({ arn: `arn:aws:iam::${TARGET.account}:user/a`, policies });
    const app = createTokenRefresherApp(TARGET, {
      outdir: temporaryDirectory(),
      context: { tokens: SMALLEST },
    });
    await warnAboutRemovedTokens(app, TARGET, { endpoint: aws.url, credentials });
    const stack = app.node.findChild('TokenRefresher') as TokenRefresherStack;
    return Annotations.fromStack(stack).findWarning('/TokenRefresher', Match.stringLikeRegexp('DELETES'));
  };
  try {
    const claims = [
      ['/ci/genesys', stackId('TokenRefresher')],
      ['/team/ci/cxone', stackId('TokenRefresher')],
      ['/ci/other', stackId('TokenRefresher2')],
      ['/ci/foreign', stackId('TokenRefresher', '999900001111')],
    ] as const;
    for (const [name, Value] of claims) {
      aws.administer('PutParameter', { Name: `/token-refresher${name}`, Value, Type: 'String' });
    }
    const allowed = { Effect: 'Allow', Action: 'ssm:GetParametersByPath', Resource: '*' };

    const warnings = await warningsWith([{ Version: '2012-10-17', Statement: [allowed] }]);

    expect(warnings.map(({ entry }) => entry.data)).toEqual([
      expect.stringContaining(
        'The deployed stack TokenRefresher has the token /team/ci/cxone, which your tokens do not name.',
      ),
    ]);
    expect(await warningsWith([])).toEqual([]);
  } finally {
    await aws.close();
  }
});
