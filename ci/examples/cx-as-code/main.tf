# The provider takes GENESYSCLOUD_ACCESS_TOKEN and GENESYSCLOUD_REGION from the environment. A token beats client id and
# secret, so neither is configured here or in the job. The provider does not refresh it: ask for --min-ttl.
terraform {
  required_version = ">= 1.0"
  required_providers {
    genesyscloud = {
      source  = "mypurecloud/genesyscloud"
      version = "1.84.1"
    }
  }
}

provider "genesyscloud" {}

resource "genesyscloud_routing_queue" "support" {
  name        = "Support"
  description = "Made by a CI job that never saw the client secret."
}
