/** The rules for a token's name and a parameters' prefix: a text for people, and a check. */
export const TOKEN_NAME = {
  rule: 'a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  test: (value: string) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(value),
};

export const PREFIX = {
  rule: 'a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  test: (value: string) =>
    value.length <= 100 && /^(\/[A-Za-z0-9_-]+){1,13}$/.test(value) && !/^\/(aws|ssm)/i.test(value),
};

/** Lambda's limit. */
const FUNCTION_NAME_LENGTH = 64;

/**
 * The name under which `ci/access-token` looks for a token's function: `/ci` and `genesys` make
 * `token-refresher-ci-genesys`.
 */
export function functionNameOf(prefix: string, tokenName: string): string {
  return `token-refresher${`${prefix}/${tokenName}`.split('/').join('-')}`;
}

/** What is wrong with a function's name; undefined if nothing is. */
export function functionNameProblem(functionName: string): string | undefined {
  if (functionName.length <= FUNCTION_NAME_LENGTH) return undefined;
  return `makes the function name "${functionName}" of ${functionName.length} characters; Lambda's limit is ${FUNCTION_NAME_LENGTH}: shorten name or prefix`;
}

/** ARN of an IAM role. */
export const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/(?=.{1,576}$)([\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/;
