import { AspectPriority, Aspects, type IAspect } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, type PolicyStatementProps, type Role } from 'aws-cdk-lib/aws-iam';
import { CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Gives the role of a function what Lambda needs to attach it to a VPC, if it has one. It looks last: a property injector, an Aspect
 * or a mixin of somebody's organization may have put the function into a VPC.
 */
export function letIntoVpc(scope: Construct, fn: LambdaFunction, role: Role): void {
  const aspect: IAspect = {
    visit(node: IConstruct) {
      if (!(node instanceof CfnFunction) || node.vpcConfig === undefined) return;
      if (scope.node.tryFindChild('VpcActions') === undefined) addPolicies(scope, fn, role);
    },
  };
  Aspects.of(fn).add(aspect, { priority: AspectPriority.READONLY });
}

/**
 * Allows the actions by a policy of its own: CloudFormation deletes it after all else has left the VPC. Without it Lambda could not remove
 * its network interfaces, and the security group could not be deleted. Code in the function is denied them.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
 */
function addPolicies(scope: Construct, fn: LambdaFunction, role: Role): void {
  const addPolicy = (id: string, statement: PolicyStatementProps, reason: string): Policy => {
    const about = { actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] };
    const statements = [new PolicyStatement({ ...about, ...statement })];
    const policy = new Policy(scope, id, { roles: [role], statements });
    acknowledge(policy, 'AwsSolutions-IAM5[Resource::*]', reason);
    return policy;
  };
  const allowed = addPolicy(
    'VpcActions',
    {},
    'The EC2 actions that attach the function to its VPC have no resource-level permissions. A policy denies them to the code in the function.',
  );
  fn.node.addDependency(allowed);
  // CloudFormation waits until nothing is left in a group before it deletes it.
  for (const place of [scope, fn]) place.node.tryFindChild('SecurityGroup')?.node.addDependency(allowed);
  const byCode = { ArnEquals: { 'lambda:SourceFunctionArn': fn.functionArn } };
  const denial = { effect: Effect.DENY, conditions: byCode };
  addPolicy('VpcActionsDenied', denial, 'A denial: the wider, the better.');
}
