/*
 * Runs the steps in the braces with the token in a variable:
 *   withAccessToken('genesys', minTtl: '45m', env: 'GENESYSCLOUD_ACCESS_TOKEN') { sh 'terraform apply -auto-approve' }
 * `script` is the copied file in the workspace, by default ci/access-token. While the steps run, Jenkins keeps their environment on
 * its controller, and masks it only with the Mask Passwords plugin: `access-token exec` needs neither.
 */
def call(Map options = [:], String name, Closure body) {
    def variable = options.env ?: 'ACCESS_TOKEN'
    if (!(variable ==~ /[A-Za-z_][A-Za-z0-9_]*/)) {
        error("withAccessToken: env is not the name of a variable")
    }
    def token
    withEnv([
        "ACCESS_TOKEN_SCRIPT=${options.script ?: 'ci/access-token'}",
        "ACCESS_TOKEN_NAME=${name}",
        "ACCESS_TOKEN_MIN_TTL=${options.minTtl ?: '1s'}",
        "ACCESS_TOKEN_PREFIX=${options.prefix ?: '/ci'}"
    ]) {
        token = sh(returnStdout: true, label: 'access-token get', script: '''
            set +x
            sh "$ACCESS_TOKEN_SCRIPT" get "$ACCESS_TOKEN_NAME" --prefix "$ACCESS_TOKEN_PREFIX" "--min-ttl=$ACCESS_TOKEN_MIN_TTL"
        ''').trim()
    }
    withEnv(["${variable}=${token}"]) {
        body()
    }
}
