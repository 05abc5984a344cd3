import { Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { show } from '../../lambda/contract.ts';

/** The settings of the function itself. */
export interface FunctionProps {
  readonly functionName?: string;
  readonly memorySize?: number;
  readonly reservedConcurrency?: 0 | 1;
  readonly logRetention?: RetentionDays;
  readonly fipsEndpoints?: boolean;
  readonly adoptParameters?: boolean;
  readonly retainParameters?: boolean;
  readonly vpc?: unknown;
  readonly vpcSubnets?: unknown;
  readonly securityGroups?: readonly unknown[];
}

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const LEAST_MEMORY_MIB = 128;
const MOST_MEMORY_MIB = 10_240;
const FUNCTION_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** @see https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html */
const MOST_SECURITY_GROUPS = 5;

const RETENTIONS = Object.values(RetentionDays).filter((days) => typeof days === 'number');

/** Returns what is wrong with the settings of the function. `region`: the stack's, if it is known. */
export function functionProblems(props: FunctionProps, region: string | undefined): string[] {
  const problems: string[] = [];
  const refuse = (name: keyof FunctionProps, isAllowed: (value: unknown) => boolean, rule: string): void => {
    const value = props[name];
    if (value === undefined || Token.isUnresolved(value) || isAllowed(value)) return;
    problems.push(`${name} ${show(value)} is not ${rule}`);
  };
  const isMemory = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= LEAST_MEMORY_MIB && Number(value) <= MOST_MEMORY_MIB;

  refuse(
    'functionName',
    (value) => typeof value === 'string' && FUNCTION_NAME.test(value),
    'a name of 1 to 64 letters, digits, "-" and "_"',
  );
  refuse('memorySize', isMemory, `a whole number of MiB from ${LEAST_MEMORY_MIB} to 10,240`);
  refuse('reservedConcurrency', (value) => value === 0 || value === 1, '0 or 1');
  refuse(
    'logRetention',
    (value) => RETENTIONS.includes(value as RetentionDays),
    'one of RetentionDays: CloudWatch Logs keeps logs for these numbers of days only',
  );
  for (const name of ['fipsEndpoints', 'adoptParameters', 'retainParameters'] as const) {
    refuse(name, (value) => typeof value === 'boolean', 'true or false');
  }
  const noFips = props.fipsEndpoints === true && region !== undefined ? fipsProblem(region) : undefined;
  if (noFips !== undefined) problems.push(`fipsEndpoints: ${noFips}`);
  return [...problems, ...networkProblems(props)];
}

/**
 * Tells that a region has no FIPS endpoints; undefined if it has.
 *
 * @see https://aws.amazon.com/compliance/fips/
 */
export function fipsProblem(region: string): string | undefined {
  if (/^(us|ca)-/.test(region)) return undefined;
  return `${region} has none: AWS has FIPS endpoints in regions of the USA and Canada only; remove it, or deploy there`;
}

function networkProblems({ vpc, vpcSubnets, securityGroups }: FunctionProps): string[] {
  const problems = Object.entries({ vpcSubnets, securityGroups }).flatMap(([name, value]) =>
    vpc === undefined && value !== undefined
      ? [`${name} is set without vpc; set the VPC that they belong to, or remove it`]
      : [],
  );
  const count = securityGroups?.length ?? 1;
  if (count < 1 || count > MOST_SECURITY_GROUPS) {
    problems.push(`securityGroups: ${count} security groups are not 1 to ${MOST_SECURITY_GROUPS}`);
  }
  return problems;
}
