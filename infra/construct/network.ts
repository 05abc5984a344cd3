import type { SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { type ISecurityGroup, type IVpc, Peer, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { describeProvider, type ProviderSettings } from '../../lambda/contract.ts';
import { ConfigurationError } from './configuration-error.ts';

/** The VPC settings of the function, as `Function` takes them. */
export interface Network {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
}

/**
 * Places the function in a VPC: in the chosen subnets, otherwise in all private subnets with egress; with the given
 * security groups, otherwise with one that allows the egress that the function needs, and no ingress.
 *
 * @throws ConfigurationError if there is no such subnet
 */
export function placeInVpc(
  scope: Construct,
  options: {
    readonly vpc: IVpc;
    readonly subnets: SubnetSelection | undefined;
    readonly securityGroups: readonly ISecurityGroup[] | undefined;
    readonly provider: ProviderSettings;
    readonly tokenParameterName: string;
  },
): Network {
  const { vpc, subnets, securityGroups, provider, tokenParameterName } = options;
  if (subnets === undefined && vpc.privateSubnets.length === 0) {
    throw new ConfigurationError(
      `The VPC of ${tokenParameterName} has no private subnet with egress. Lambda gives the function no public address: name a VPC with a private subnet that routes to a NAT gateway, or name the subnets (subnetIds) if the CDK does not know their egress.`,
    );
  }
  return {
    vpc,
    vpcSubnets: subnets ?? { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
    securityGroups: [...(securityGroups ?? [createSecurityGroup(scope, vpc, provider, tokenParameterName)])],
  };
}

function createSecurityGroup(
  scope: Construct,
  vpc: IVpc,
  provider: ProviderSettings,
  tokenParameterName: string,
): SecurityGroup {
  const securityGroup = new SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: `Refresher of ${tokenParameterName}: HTTPS out only`,
    allowAllOutbound: false,
  });
  for (const port of new Set([443, ...portsOf(provider)])) {
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'AWS and the token endpoint');
  }
  // A VPC's DHCP options may name its own DNS servers, which Lambda then uses.
  securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(53), 'DNS');
  securityGroup.addEgressRule(Peer.anyIpv4(), Port.udp(53), 'DNS');
  return securityGroup;
}

/** The ports of the URLs that the function calls. */
function portsOf(settings: ProviderSettings): number[] {
  const { source, probeUrl } = describeProvider(settings);
  const { endpoint } = source;
  const urls = ['url' in endpoint ? endpoint.url : endpoint.issuer, probeUrl];
  return urls.flatMap((url) => {
    const port = url !== undefined && URL.canParse(url) ? new URL(url).port : '';
    return port === '' ? [] : [Number(port)];
  });
}
