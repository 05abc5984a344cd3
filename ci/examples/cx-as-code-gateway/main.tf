# An apply that may run for hours: the provider takes new tokens from token-endpoint, which runs it:
#     ./ci/token-endpoint.mjs genesys --genesys-region eu-central-1 -- terraform apply
# The empty gateway block makes the provider read GENESYSCLOUD_GATEWAY_HOST, _PORT and _PROTOCOL. Region, client id and
# secret come from the environment too.
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
  gateway {}
}

resource "genesyscloud_routing_queue" "support" {
  name        = "Support"
  description = "Made by a CI job that never saw the client secret."
}
