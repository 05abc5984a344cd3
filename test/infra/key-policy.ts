import type { PolicyDocument } from '../../local/aws/operation.ts';
import { TARGET } from './full-configuration.ts';

/** The policy that a KMS key is created with: it leaves the permissions to IAM. */
export const KEY_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${TARGET.account}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
};
