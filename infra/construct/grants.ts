import { ArnFormat, Stack } from 'aws-cdk-lib';
import { type Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { addStatement } from './grantee.ts';
import { grantRead, type ReadableToken } from './read-access.ts';

/** The permissions that a {@link TokenRefresher} gives to roles, users and groups of its account. */
export class TokenRefresherGrants {
  private readonly token: ReadableToken;
  private readonly functionName: string;

  /** @internal */
  constructor(token: ReadableToken, functionName: string) {
    this.token = token;
    this.functionName = functionName;
  }

  /** Allows `grantee` to read the token and its status. */
  read(grantee: IGrantable): Grant {
    return grantRead(grantee, [this.token]);
  }

  /** Allows `grantee` to invoke the function: refresh, force, diagnose. */
  refresh(grantee: IGrantable): Grant {
    const { scope, fn } = this.token;
    const stack = Stack.of(scope);
    const { grantPrincipal } = Object(grantee) as IGrantable;
    // For a grantee of another stack the ARN is a text: a reference would make that stack wait for this one.
    const isElsewhere = Construct.isConstruct(grantPrincipal) && Stack.of(grantPrincipal) !== stack;
    const functionArn = isElsewhere
      ? stack.formatArn({
          service: 'lambda',
          resource: 'function',
          resourceName: this.functionName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        })
      : fn.functionArn;
    const statement = new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] });
    return addStatement(scope, grantee, statement);
  }
}
