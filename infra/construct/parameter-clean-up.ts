import { createHash } from 'node:crypto';
import { RemovalPolicy } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { TokenParametersProperties } from '../../lambda/contract.ts';
import { DeploymentFunction } from './deployment-function.ts';
import type { TokenParameters } from './token-parameters.ts';

/**
 * Fails the deployment if the parameters exist already and are not to be adopted. If they did not exist, deletes both
 * when this resource is removed from the stack. CloudFormation cannot create a SecureString: the function creates it,
 * so that CloudFormation would not delete it.
 *
 * An upgrade from the first release updates this resource. An update checks nothing: those parameters are the stack's own.
 *
 * The order matters. Make everything that lets the function run and write depend on this resource
 * (`node.addDependency`). CloudFormation then creates it first, and deletes it last, when the schedule, the function
 * and the permission to write are deleted and no late beat can create a parameter again.
 *
 * The names are part of the construct's id, so that a new name or prefix makes a new resource. CloudFormation deletes
 * the old one, with the old parameters, in its clean-up phase: after the function got its new names and permissions,
 * and not at all if the update is rolled back.
 *
 * `retain` keeps the parameters, by `DeletionPolicy: Retain`: CloudFormation then removes this resource without running
 * it. Leaving the resource out instead would delete the parameters at the moment `retain` is switched on.
 */
export function createParameterCleanUp(
  scope: Construct,
  id: string,
  props: { readonly parameters: TokenParameters; readonly adopt: boolean; readonly retain: boolean },
): Construct {
  const { parameters, adopt, retain } = props;
  const { tokenParameterName, statusParameterName } = parameters;
  const names = [tokenParameterName, statusParameterName];
  const hash = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 8);
  const properties: TokenParametersProperties = {
    TokenParameter: tokenParameterName,
    StatusParameter: statusParameterName,
    Adopt: adopt ? 'true' : 'false',
  };
  return DeploymentFunction.of(scope).createResource(scope, `${id}${hash}`, {
    resourceType: 'Custom::TokenParameters',
    properties,
    statements: parameters.deploymentStatements(),
    removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}
