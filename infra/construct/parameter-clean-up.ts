import { createHash } from 'node:crypto';
import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AwsCustomResource,
  AwsCustomResourcePolicy,
  Logging,
  PhysicalResourceId,
} from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { DeploymentCalls } from './deployment-calls.ts';
import type { TokenParameters } from './token-parameters.ts';

/**
 * Deletes both parameters when this resource leaves the stack. CloudFormation cannot create a SecureString: the
 * function creates it, so nobody else would delete it.
 *
 * Order is everything. Whatever lets the function run and write must be made to depend on this resource
 * (`node.addDependency`): CloudFormation then creates it first, which does nothing, and deletes it last, when the
 * schedule, the function and the permission to write are gone and no late beat can bring a parameter back.
 *
 * The names are part of the construct's id. A new name or prefix is therefore a new resource, and the old one is
 * deleted, with the old parameters, in CloudFormation's clean-up phase: after the function got its new names and
 * permissions, and not at all if the update is rolled back.
 *
 * `retain` keeps the parameters, by `DeletionPolicy: Retain`: CloudFormation lets go of this resource without
 * running it. Leaving the resource out instead would delete the parameters at the moment `retain` is switched on.
 */
export function createParameterCleanUp(
  scope: Construct,
  id: string,
  options: { readonly parameters: TokenParameters; readonly retain: boolean },
): AwsCustomResource {
  const { tokenParameterName, statusParameterName } = options.parameters;
  const names = [tokenParameterName, statusParameterName];
  const hash = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 8);
  return new AwsCustomResource(scope, `${id}${hash}`, {
    ...DeploymentCalls.of(scope).shared,
    resourceType: 'Custom::TokenParameters',
    // DeleteParameters, unlike DeleteParameter, is content with names that do not exist.
    onDelete: {
      service: 'SSM',
      action: 'DeleteParameters',
      parameters: { Names: names },
      physicalResourceId: PhysicalResourceId.of(tokenParameterName),
      logging: Logging.withDataHidden(),
    },
    policy: AwsCustomResourcePolicy.fromStatements(options.parameters.deleteStatements()),
    removalPolicy: options.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}
