import { type ISubnet, type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { TokenConfiguration } from './configuration/tokens-configuration.ts';
import { ConfigurationError } from './construct/configuration-error.ts';
import { given } from './construct/given.ts';

/**
 * Looks up the token's VPC, its subnets and its security groups, for the props of a {@link TokenRefresher}.
 *
 * @throws ConfigurationError if a subnet is not in the VPC, or is public
 */
export function lookUpVpc(scope: Construct, token: TokenConfiguration) {
  const { vpcId, subnetIds, securityGroupIds } = token;
  if (vpcId === undefined) return {};
  const vpc = Vpc.fromLookup(scope, 'Vpc', { vpcId });
  // Until the CDK CLI has looked it up, the CDK uses a dummy VPC with another id.
  const isKnown = vpc.vpcId === vpcId;
  return given({
    vpc,
    vpcSubnets: subnetIds && isKnown ? { subnets: chooseSubnets(vpc, token) } : undefined,
    securityGroups: securityGroupIds?.map((id, index) =>
      SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${index}`, id, { mutable: false }),
    ),
  });
}

function chooseSubnets(vpc: IVpc, { name, vpcId, subnetIds = [] }: TokenConfiguration): ISubnet[] {
  // An isolated subnet may have egress that the CDK does not know.
  const possible = [...vpc.privateSubnets, ...vpc.isolatedSubnets];
  const has = (subnets: readonly ISubnet[], id: string) => subnets.some(({ subnetId }) => subnetId === id);
  const ids = possible.map(({ subnetId }) => subnetId).join(', ') || 'none';
  const problems = subnetIds.flatMap((id) => {
    if (has(possible, id)) return [];
    return has(vpc.publicSubnets, id)
      ? [`${id} is a public subnet, where Lambda gives the function no public address`]
      : [`${id} is not a subnet of ${vpcId}`];
  });
  if (problems.length > 0) {
    throw new ConfigurationError(
      `subnetIds of the token "${name}": ${problems.join('; ')}. Its private subnets: ${ids}. If the VPC has changed, run cdk context --clear.`,
    );
  }
  return possible.filter(({ subnetId }) => subnetIds.includes(subnetId));
}
