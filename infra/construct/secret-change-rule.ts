import type { EventPattern } from 'aws-cdk-lib/aws-events';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { BEAT_MAX_AGE } from './heartbeat.ts';
import { secretIdOf } from './secret-id.ts';

/**
 * Invokes the function as soon as the secret has a new current value, by the event that Secrets Manager itself sends
 * (without CloudTrail). If the event is lost or throttled, the next refresh reads the new value.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export function createSecretChangeRule(
  scope: Construct,
  id: string,
  { fn, secret }: { readonly fn: IFunction; readonly secret: ISecret },
): Rule {
  return new Rule(scope, id, {
    description: 'Mints a token as soon as its client secret has a new value',
    eventPattern: secretChangePattern(secret),
    targets: [new LambdaFunction(fn, { maxEventAge: BEAT_MAX_AGE, retryAttempts: 0 })],
  });
}

function secretChangePattern(secret: ISecret): EventPattern {
  return {
    source: ['aws.secretsmanager'],
    detailType: ['Secret Label Updated'],
    // For a secret that is referred to by name, the six characters at the end of its ARN are unknown. The name identifies
    // it: names are unique in an account and region, and events come from this account and region only.
    ...(secret.secretFullArn === undefined ? {} : { resources: [secret.secretFullArn] }),
    detail: {
      labelUpdated: ['AWSCURRENT'],
      ...(secret.secretFullArn === undefined ? { name: Match.exactString(secretIdOf(secret)) } : {}),
    },
  };
}
