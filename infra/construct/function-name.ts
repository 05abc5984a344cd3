/**
 * The name under which `ci/access-token` looks for a token's function: `/ci` and `genesys` make
 * `token-refresher-ci-genesys`. Lambda takes 64 characters.
 */
export function functionNameOf(prefix: string, tokenName: string): string {
  return `token-refresher${`${prefix}/${tokenName}`.split('/').join('-')}`;
}
