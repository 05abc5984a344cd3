import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Tells cdk-nag why a finding is right. Older versions of the CDK have nothing that can be told. */
export function acknowledge(scope: IConstruct, id: string, reason: string): void {
  (Validations as typeof Validations | undefined)?.of(scope).acknowledge({ id, reason });
}
