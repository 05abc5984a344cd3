import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * The values of `kms:ViaService` for a service in the stack's region. In some partitions, China's for instance, a service's name ends in
 * the suffix of the partition.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
export function viaService(scope: Construct, service: 'ssm' | 'secretsmanager'): [string, string] {
  const { region, urlSuffix } = Stack.of(scope);
  return [`${service}.${region}.amazonaws.com`, `${service}.${region}.${urlSuffix}`];
}
