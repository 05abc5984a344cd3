import { randomBytes } from 'node:crypto';
import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import { AwsError } from './aws-error.ts';
import type { Permission, Place, PolicyDocument, Principal } from './operation.ts';

/** Credentials as an SDK takes them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** Allows everything: for test set-up, and for people. */
export const administratorPolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

/**
 * Tells whether identity policies (and a resource's own policy) allow one request, by AWS's evaluation logic.
 *
 * The evaluator's filter of condition keys is off: it would drop `kms:EncryptionContext:PARAMETER_ARN`, which the service
 * reference lists only as a template.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function isAllowed(
  policies: readonly PolicyDocument[],
  request: Permission & { principalArn: string },
): boolean {
  const accountId = request.principalArn.split(':')[4] ?? '';
  const result = runUnsafeSimulation(
    {
      request: {
        principal: request.principalArn,
        action: request.action,
        resource: { resource: request.resource, accountId },
        contextVariables: {
          'aws:PrincipalArn': identityArn(request.principalArn),
          'aws:PrincipalAccount': accountId,
          'aws:SecureTransport': 'true',
          ...request.context,
        },
      },
      identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      // The evaluator needs a resource policy with a name.
      resourcePolicy: request.resourcePolicy && {
        __validated: true,
        policyDocument: request.resourcePolicy,
        metadata: { name: 'resource-policy' },
        errors: [],
      },
    },
    {},
  );
  return result === 'Allowed';
}

/** Words a refusal as AWS does. */
export function accessDenied(principalArn: string, { action, resource }: Permission): AwsError {
  return new AwsError(
    'AccessDeniedException',
    `User: ${principalArn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );
}

/** The identities that the endpoint knows, by access key id. */
export type PrincipalRegistry = ReturnType<typeof createPrincipalRegistry>;

/** Makes an empty registry of principals. */
export function createPrincipalRegistry(place: Place) {
  const principals = new Map<string, Principal>();
  const registry = {
    register(principal: Principal): Credentials {
      const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
      principals.set(accessKeyId, principal);
      return { accessKeyId, secretAccessKey: 'local-endpoint', sessionToken: 'local-endpoint' };
    },
    registerAdministrator(): Credentials {
      const arn = `arn:aws:iam::${place.accountId}:user/administrator`;
      return registry.register({ arn, policies: [administratorPolicy] });
    },
    find: (accessKeyId: string): Principal | undefined => principals.get(accessKeyId),
  };
  return registry;
}

// aws:PrincipalArn holds the role's ARN, not the session's.
function identityArn(arn: string): string {
  const session = /^arn:(aws[\w-]*):sts::(\d+):assumed-role\/(.+)\/[^/]+$/.exec(arn);
  return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : arn;
}
