import type { Fields } from './fields.ts';
import type { TargetEnvironment } from './places.ts';

/** Where a token's function runs. */
export interface VpcConfiguration {
  readonly vpcId: string | undefined;
  /** Undefined: all private subnets. */
  readonly subnetIds: readonly string[] | undefined;
  /** Undefined: one that the stack makes. */
  readonly securityGroupIds: readonly string[] | undefined;
}

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html */
const MAX_SUBNETS = 16;
const MAX_SECURITY_GROUPS = 5;

const idOf = (prefix: string) => new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`);
const idRule = (what: string, prefix: string) =>
  `the id of a ${what} (${prefix}- and 8 or 17 hexadecimal digits)`;

/** Reads the VPC, and which of its subnets and security groups. Looking it up needs an account and a region. */
export function readVpc(fields: Fields, target: TargetEnvironment): VpcConfiguration {
  const vpcId = fields.text('vpcId', idRule('VPC', 'vpc'), idOf('vpc'));
  if (vpcId !== undefined && (target.account === undefined || target.region === undefined)) {
    fields.problem(
      'vpcId',
      `"${vpcId}" cannot be looked up without an account and a region; give the CDK credentials and a region (AWS_PROFILE, AWS_REGION)`,
    );
  }
  const subnetIds = fields.texts('subnetIds', idRule('subnet', 'subnet'), idOf('subnet'), MAX_SUBNETS);
  const securityGroupIds = fields.texts(
    'securityGroupIds',
    idRule('security group', 'sg'),
    idOf('sg'),
    MAX_SECURITY_GROUPS,
  );
  for (const key of ['subnetIds', 'securityGroupIds']) {
    if (fields.has(key) && !fields.has('vpcId')) {
      fields.problem(key, 'is set without vpcId; set the VPC that they belong to, or remove it');
    }
  }
  return { vpcId, subnetIds, securityGroupIds };
}
