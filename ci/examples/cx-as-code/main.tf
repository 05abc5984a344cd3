# The provider takes GENESYSCLOUD_ACCESS_TOKEN and GENESYSCLOUD_REGION from the environment. A token beats client id and
# secret, so neither is configured here or in the job.
#
# The provider does not refresh the token. If it dies inside an apply, the resource that was just made is tainted, and the
# next apply destroys it and makes it again. Therefore `timeout -s INT 40m` around an apply that asked for
# `--min-ttl 45m`: Terraform then finishes the resource at hand and writes its state. For an apply that takes longer than
# any token lives, see ci/token-endpoint.
#
# Before anything else the provider calls GET /api/v2/organizations/me and GET /api/v2/authorization/products: the OAuth
# client's roles must allow both, or they look like a fault of the token.
terraform {
  required_version = ">= 1.0"
  required_providers {
    genesyscloud = {
      source  = "mypurecloud/genesyscloud"
      version = "1.84.1"
    }
  }
}

provider "genesyscloud" {
  # Clients that call at the same time, 10 by default. With an access token they share it, and Genesys Cloud's limit of
  # 300 requests a minute counts per token: all jobs with this token share that.
  token_pool_size = 3
}

resource "genesyscloud_routing_queue" "support" {
  name        = "Support"
  description = "Made by a CI job that never saw the client secret."
}
