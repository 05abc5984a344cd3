// One Genesys Cloud token, and an e-mail before it expires.
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { createTokenOutputs, TokenRefresher } from 'token-refresher';

const stack = new Stack(new App(), 'GenesysToken');

const onCall = new Topic(stack, 'OnCall');
onCall.addSubscription(new EmailSubscription('oncall@example.com'));

const genesys = new TokenRefresher(stack, 'genesys', {
  tokenName: 'genesys',
  provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
  // Holds {"client_id": "...", "client_secret": "..."}.
  secret: Secret.fromSecretNameV2(stack, 'Client', 'ci/genesys-client'),
  alarmTopic: onCall,
});

// The commands that store the secret, force a refresh and diagnose, and the guarantee.
createTokenOutputs(stack, 'Genesys', genesys);
new CfnOutput(stack, 'Topic', { value: onCall.topicArn });
