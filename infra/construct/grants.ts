import { createHash } from 'node:crypto';
import { ArnFormat, Stack } from 'aws-cdk-lib';
import {
  Grant,
  type IGrantable,
  type IPrincipal,
  type IRole,
  Policy,
  PolicyStatement,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { addStatement, hasTakenPolicy, isImported, isRole, policyNameFor } from './grantee.ts';
import { keepsReleasedIds } from './released-ids.ts';
import type { TokenParameters } from './token-parameters.ts';
import { viaService } from './via-service.ts';

/** A token that a reader gets access to. */
export interface ReadableToken {
  readonly scope: Construct;
  readonly parameters: TokenParameters;
  readonly encryptionKey: IKey | undefined;
  /** Has the configured key in its environment. */
  readonly fn: IFunction;
  /** The name of `fn`, as a text. */
  readonly functionName: string;
  /** Encrypts the stored token with a new key, or fails the deployment. */
  readonly firstMint: Construct;
}

/** The permissions that a {@link TokenRefresher} gives to roles, users and groups of its account. */
export class TokenRefresherGrants {
  private readonly token: ReadableToken;

  /** @internal */
  constructor(token: ReadableToken) {
    this.token = token;
  }

  /** Allows `grantee` to read the token and its status. */
  read(grantee: IGrantable): Grant {
    return grantRead(grantee, [this.token]);
  }

  /** Allows `grantee` to invoke the function: refresh, force, diagnose. */
  refresh(grantee: IGrantable): Grant {
    const { scope, fn, functionName } = this.token;
    const stack = Stack.of(scope);
    const { grantPrincipal } = Object(grantee) as IGrantable;
    // For a grantee of another stack the ARN is a text: a reference would make that stack wait for this one.
    const isElsewhere = Construct.isConstruct(grantPrincipal) && Stack.of(grantPrincipal) !== stack;
    const functionArn = isElsewhere
      ? stack.formatArn({
          service: 'lambda',
          resource: 'function',
          resourceName: functionName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        })
      : fn.functionArn;
    const statement = new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] });
    return addStatement(scope, grantee, statement);
  }
}

/**
 * Allows `grantee` to read the tokens and their status. A role's permissions for several tokens are merged: one policy for
 * all parameters, and for the encryption keys see {@link grantDecrypt}.
 *
 * @throws ConfigurationError if no policy can be attached to the grantee
 */
export function grantRead(grantee: IGrantable, tokens: readonly ReadableToken[]): Grant {
  const [read, ...others] = tokens.map(({ scope, parameters }) =>
    addStatement(
      scope,
      grantee,
      new PolicyStatement({ actions: ['ssm:GetParameter', 'ssm:GetParameters'], resources: parameters.arns }),
    ),
  );
  if (read === undefined) return Grant.drop(grantee, 'There is no token to read.');
  const encrypted = tokens.filter(({ encryptionKey }) => encryptionKey !== undefined);
  const { grantPrincipal } = grantee;
  const isImmutable = isRole(grantPrincipal) && !hasTakenPolicy(grantPrincipal);
  const keys = isImmutable ? [] : grantDecrypt(grantee, encrypted);
  const grant = [...others, ...keys].reduce((all, one) => all.combine(one), read);
  waitForMints(grantPrincipal, tokens);
  return grant;
}

/**
 * Lets a policy of our own wait for the first mints. If the prefix has changed and no token can be minted, the update fails, and the
 * identity can still read the token at the old place. The policy of a role that somebody's app makes is not ours.
 */
function waitForMints(principal: IPrincipal, tokens: readonly ReadableToken[]): void {
  if (!Construct.isConstruct(principal) || !(isImported(principal) || keepsReleasedIds(principal))) return;
  for (const policy of principal.node.children.filter((one) => one instanceof Policy)) {
    for (const { firstMint } of tokens) {
      if (Stack.of(firstMint) === Stack.of(policy)) policy.node.addDependency(firstMint);
    }
  }
}

/**
 * Allows `grantee` to decrypt these tokens, which have keys of their own. A change of the key denies access to nobody.
 *
 * A role that an app makes gets one statement that names no key: it stays as it is when the key changes. Nothing of the
 * refresher refers to the role, which may therefore wait for the refresher, and be in another stack.
 *
 * An imported role waits for nothing: it gets a policy for each key, which the function waits for, see {@link createKeyPolicy}.
 */
function grantDecrypt(grantee: IGrantable, tokens: readonly ReadableToken[]): Grant[] {
  const [first] = tokens;
  if (first === undefined) return [];
  const { scope } = first;
  const statementOn = (key: string, those: readonly ReadableToken[]) =>
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: [key],
      conditions: {
        StringEquals: {
          'kms:ViaService': viaService(scope, 'ssm'),
          'kms:EncryptionContext:PARAMETER_ARN': those.map(({ parameters }) => parameters.tokenArn),
        },
      },
    });
  const principal = grantee.grantPrincipal;
  if (!isRole(principal) || (!isImported(principal) && !keepsReleasedIds(scope))) {
    const anyKey = Stack.of(scope).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
    acknowledgeAnyKey(principal, anyKey);
    return [addStatement(scope, grantee, statementOn(anyKey, tokens))];
  }
  for (const keyArn of new Set(tokens.flatMap(({ encryptionKey }) => encryptionKey?.keyArn ?? []))) {
    const those = tokens.filter(({ encryptionKey }) => encryptionKey?.keyArn === keyArn);
    const policy = createKeyPolicy(scope, 'ReaderKey', principal, statementOn(keyArn, those));
    for (const { fn } of those) fn.node.addDependency(policy);
  }
  return [];
}

/** cdk-nag writes references in an ARN as `<AWS::Region>`. */
function acknowledgeAnyKey(principal: IPrincipal, arn: string): void {
  if (!Construct.isConstruct(principal)) return;
  const resolved = Stack.of(principal).resolve(arn);
  const parts: unknown[] = typeof resolved === 'string' ? [resolved] : resolved['Fn::Join'][1];
  const text = parts.map((part) => (typeof part === 'string' ? part : `<${Object(part).Ref}>`)).join('');
  acknowledge(
    principal,
    `AwsSolutions-IAM5[Resource::${text}]`,
    'A condition limits the permission to one token, whichever key encrypts it.',
  );
}

/**
 * Allows a role to use an encryption key. A change of the key denies access to nobody.
 *
 * The policy's logical id is computed from its content, so that another key makes another policy. CloudFormation creates
 * it in the update, and deletes the old one only when the whole update has succeeded. The function, which encrypts the stored token
 * again, gets the new key after the policy. If no token can be minted, the update is rolled back, and the role still has the old
 * policy, for the old key.
 */
export function createKeyPolicy(
  scope: Construct,
  id: string,
  role: IRole,
  statement: PolicyStatement,
): Policy {
  const stack = Stack.of(scope);
  const isForeign = isImported(role);
  const content = stack.resolve([statement.toStatementJson(), role.roleArn, ...(isForeign ? ['named'] : [])]);
  // As in released versions: with the first value of the condition alone.
  const text = JSON.stringify(content, (key, value) => (key === 'kms:ViaService' ? value[0] : value));
  const policyId = `${id}${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
  const policy = new Policy(scope, policyId, {
    statements: [statement],
    ...(isForeign && { policyName: policyNameFor(scope, policyId) }),
  });
  // By the role: one that was imported as immutable takes no policy.
  role.attachInlinePolicy(policy);
  return policy;
}
