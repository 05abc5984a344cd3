import { ArnFormat, Stack } from 'aws-cdk-lib';
import { type Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { addStatement, checkGrantee } from './grantee.ts';
import { grantRead, type ReadableToken } from './read-access.ts';

/** The permissions that a {@link TokenRefresher} gives to roles, users and groups of its account. */
export class TokenRefresherGrants {
  private readonly token: ReadableToken;
  private readonly fn: IFunction;
  private readonly functionName: string;

  /** @internal */
  constructor(token: ReadableToken, fn: IFunction, functionName: string) {
    this.token = token;
    this.fn = fn;
    this.functionName = functionName;
  }

  /** Allows `grantee` to read the token and its status. */
  read(grantee: IGrantable): Grant {
    return grantRead(grantee, [this.token]);
  }

  /** Allows `grantee` to invoke the function: refresh, force, diagnose. */
  refresh(grantee: IGrantable): Grant {
    const { scope } = this.token;
    checkGrantee(scope, grantee);
    const resources = [this.functionArnFor(grantee)];
    return addStatement(
      scope,
      grantee,
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }),
    );
  }

  /** For a grantee of another stack the ARN is a text: a reference would make that stack wait for this one. */
  private functionArnFor({ grantPrincipal }: IGrantable): string {
    const stack = Stack.of(this.token.scope);
    const isElsewhere = Construct.isConstruct(grantPrincipal) && Stack.of(grantPrincipal) !== stack;
    if (!isElsewhere) return this.fn.functionArn;
    return stack.formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: this.functionName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }
}
