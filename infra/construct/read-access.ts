import { Stack, Token } from 'aws-cdk-lib';
import { Grant, type IGrantable, type IPrincipal, type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type Construct, Dependable } from 'constructs';
import { ConfigurationError } from './configuration-error.ts';
import { createKeyPolicy } from './key-policy.ts';
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
  // The first release put the key's permission into the parameters' policy. It must stay there until the mint.
  for (const [index, { encryptionKey, firstMint }] of tokens.entries()) {
    const grant = grants[index];
    if (encryptionKey === undefined || grant === undefined || !isRole(grantee.grantPrincipal)) continue;
    for (const policy of Dependable.of(grant).dependencyRoots) policy.node.addDependency(firstMint);
  }
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
