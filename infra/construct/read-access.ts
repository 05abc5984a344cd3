import { createHash } from 'node:crypto';
import { Stack, Token } from 'aws-cdk-lib';
import {
  Grant,
  type IGrantable,
  type IPrincipal,
  type IRole,
  Policy,
  PolicyStatement,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { ConfigurationError } from './configuration-error.ts';
import type { TokenParameters } from './token-parameters.ts';

/** A token that a reader gets access to. */
export interface ReadableToken {
  readonly scope: Construct;
  readonly parameters: TokenParameters;
  readonly encryptionKey: IKey | undefined;
  /** Encrypts the stored token with a new key, or fails the deployment. */
  readonly firstMint: Construct;
}

/**
 * Allows `grantee` to read the tokens and their status. A role's permissions for several tokens are merged: one policy for
 * all parameters, and one for each encryption key, see {@link createKeyPolicy}.
 */
export function grantRead(grantee: IGrantable, tokens: readonly ReadableToken[]): Grant {
  for (const { scope } of tokens) refuseOtherAccount(scope, grantee);
  const grants = tokens.map(({ parameters }) =>
    Grant.addToPrincipal({
      grantee,
      actions: ['ssm:GetParameter', 'ssm:GetParameters'],
      resourceArns: parameters.arns,
    }),
  );
  const keyArns = new Set(tokens.flatMap(({ encryptionKey }) => encryptionKey?.keyArn ?? []));
  const keys = [...keyArns].map((keyArn) =>
    grantDecrypt(
      grantee,
      keyArn,
      tokens.filter(({ encryptionKey }) => encryptionKey?.keyArn === keyArn),
    ),
  );
  return [...grants, ...keys].reduce((all, one) => all.combine(one));
}

/**
 * Refuses a grantee of another account. The CDK would attach no policy to it, without an error.
 *
 * @throws ConfigurationError
 */
export function refuseOtherAccount(scope: Construct, { grantPrincipal }: IGrantable): void {
  const { account } = Stack.of(scope);
  const { principalAccount } = grantPrincipal;
  if (principalAccount === undefined || principalAccount === account) return;
  if (Token.isUnresolved(principalAccount) || Token.isUnresolved(account)) return;
  throw new ConfigurationError(
    `${scope.node.path} cannot give permissions to a principal of account ${principalAccount}: the stack is in ${account}. Make a ReaderRole that names this principal's role, and give the permissions to the ReaderRole.`,
  );
}

function grantDecrypt(grantee: IGrantable, keyArn: string, tokens: readonly ReadableToken[]): Grant {
  const [first] = tokens;
  const actions = ['kms:Decrypt'];
  const conditions = {
    StringEquals: {
      'kms:ViaService': `ssm.${first === undefined ? '' : Stack.of(first.scope).region}.amazonaws.com`,
      'kms:EncryptionContext:PARAMETER_ARN': tokens.map(({ parameters }) => parameters.tokenArn),
    },
  };
  const principal = grantee.grantPrincipal;
  if (first === undefined || !isRole(principal)) {
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [keyArn], conditions });
  }
  const statement = new PolicyStatement({ actions, resources: [keyArn], conditions });
  const policy = createKeyPolicy(first.scope, 'ReaderKey', { role: principal, statement });
  for (const { firstMint } of tokens) firstMint.node.addDependency(policy);
  return Grant.drop(grantee, 'The key is granted by a policy of its own.');
}

function isRole(principal: IPrincipal): principal is IPrincipal & IRole {
  return 'roleArn' in principal && 'attachInlinePolicy' in principal;
}

/**
 * Allows a role to use an encryption key. A change of the key denies access to nobody.
 *
 * The policy's logical id is computed from its content, so that another key makes another policy. CloudFormation creates
 * it in the update, and deletes the old one only when the whole update has succeeded. The first mint, which encrypts the
 * stored token again, must wait for the policy: if the mint fails, the update is rolled back, and the role still has the
 * old policy, for the old key.
 */
export function createKeyPolicy(
  scope: Construct,
  id: string,
  props: { readonly role: IRole; readonly statement: PolicyStatement },
): Policy {
  const { role, statement } = props;
  const stack = Stack.of(scope);
  const content = JSON.stringify(stack.resolve([statement.toStatementJson(), role.roleArn]));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
  const policy = new Policy(scope, `${id}${hash}`, { statements: [statement] });
  // By the role: one that was imported as immutable takes no policy.
  role.attachInlinePolicy(policy);
  return policy;
}
