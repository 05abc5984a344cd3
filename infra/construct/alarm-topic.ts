import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';

/**
 * Finds the stack's topic for an e-mail address, or creates it: one topic, and one confirmation mail, however many
 * tokens name the address.
 */
export function alarmTopicFor(stack: Stack, email: string): Topic {
  const id = `AlarmTopic-${email}`;
  const existing = stack.node.tryFindChild(id);
  if (existing !== undefined) return existing as Topic;
  const topic = new Topic(stack, id, { enforceSSL: true });
  new Subscription(topic, 'Email', { topic, protocol: SubscriptionProtocol.EMAIL, endpoint: email });
  // The policy that enforces TLS replaces the default one, which let alarms of the account publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  );
  return topic;
}
